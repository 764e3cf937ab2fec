import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTree, startTools } from "./temp-tree.ts";

test("entries are listed with their kind, sorted, and symlinks are not followed", async () => {
  const tree = await makeTree({ "b.txt": "12345", "a/x": "", ".git/config": "", ".env": "1", "-rf": "" });
  await symlink("../outside", join(tree.root, "link"));
  await writeFile(Buffer.concat([Buffer.from(`${tree.root}/z`), Buffer.from([0xff])]), "");
  await writeFile(join(tree.root, "new\nline (1 bytes)"), "");
  const call = await startTools(tree.root);
  expect((await call("list_dir", {})).output.split("\n")).toEqual([
    ". (8 entries)",
    "-rf (0 bytes)",
    ".env (withheld: env)",
    ".git/",
    "a/",
    "b.txt (5 bytes)",
    "link -> ../outside (symlink)",
    '"new\\nline (1 bytes)" (0 bytes)',
    "z\uFFFD (the name is not UTF-8: it cannot be opened) (0 bytes)",
  ]);
});

test("an empty directory is reported, and a path of the wrong kind names the right tool", async () => {
  const { root } = await makeTree({ "a.txt": "" });
  await mkdir(join(root, "empty"));
  const call = await startTools(root);
  expect((await call("list_dir", { path: "empty" })).output).toBe("empty (0 entries)");
  expect((await call("list_dir", { path: "a.txt" })).result.error).toBe("a.txt is a file; use view_file");
  expect((await call("view_file", { path: "empty" })).result.error).toBe("empty is a directory; use list_dir");
});

test.each([30_000, 1000])(
  "following the notes gives every entry once, with outputs of %d bytes",
  async (outputBytes) => {
    const names = Array.from({ length: 1100 }, (_, index) => `f${String(index).padStart(4, "0")}`);
    const { root } = await makeTree(Object.fromEntries(names.map((name) => [name, ""])));
    const call = await startTools(root, { limits: { outputBytes } });
    const seen: string[] = [];
    for (let offset: number | null = 0; offset !== null; ) {
      const { output, result } = await call("list_dir", { offset });
      seen.push(...[...output.matchAll(/^(f\d+) /gm)].map((match) => match[1]!));
      const next: string | undefined = /offset=(\d+)\]$/.exec(output)?.[1];
      expect(result.truncated).toBe(next !== undefined);
      offset = next === undefined ? null : Number(next);
    }
    expect(seen).toEqual(names);
  },
);
