import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FolderInUseError, lockFolder } from "../src/files/lock-folder.ts";
import { temporaryFolder } from "./temporary-folder.ts";

test("one of many concurrent calls takes the lock, and its release leaves no file", async () => {
  const folder = await temporaryFolder();
  const tries = await Promise.allSettled(Array.from({ length: 20 }, () => lockFolder(join(folder, "lock"))));
  const taken = tries.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const refused = tries.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  expect(taken).toHaveLength(1);
  expect(refused.every((reason) => reason instanceof FolderInUseError && reason.holder === process.pid)).toBe(true);
  await taken[0]!();
  expect(await readdir(folder)).toEqual([]);
});

test("a lock is void when its process is gone or its pid belongs to another process", async () => {
  for (const stale of ["lock.999999999-123.ab", `lock.${process.pid}-0.ab`, "lock.ab", "lock."]) {
    const folder = await temporaryFolder();
    await writeFile(join(folder, stale), "");
    const tries = await Promise.allSettled(Array.from({ length: 10 }, () => lockFolder(join(folder, "lock"))));
    expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  }
});
