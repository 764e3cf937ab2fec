import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isUnder } from "@boocode/runtime";
import { afterAll, expect, test } from "vitest";

const home = realpathSync(mkdtempSync(join(tmpdir(), "path-under-")));
for (const folder of ["root/in/deep", "root-and-more", "..hidden/in"])
  mkdirSync(join(home, folder), { recursive: true });
symlinkSync(join(home, "root"), join(home, "link"));
afterAll(() => rmSync(home, { recursive: true }));

const under = (path: string, ...roots: string[]) =>
  isUnder(
    join(home, path),
    roots.map((root) => join(home, root)),
  );

test("a root itself and everything below it are under it", async () => {
  expect(await under("root", "root")).toBe(true);
  expect(await under("root/in/deep", "root")).toBe(true);
  expect(await under("root/..hidden", "root")).toBe(true);
});

test("a root's parent, its sibling and a folder with the same prefix are not", async () => {
  for (const path of [".", "..hidden", "root-and-more", "root-and-more/x"])
    expect(await under(path, "root")).toBe(false);
});

test("a symlinked root allows its target, and a missing root allows nothing", async () => {
  expect(await under("root/in", "link")).toBe(true);
  expect(await under("root/in", "missing")).toBe(false);
  expect(await under("root/in", "missing", "root")).toBe(true);
  expect(await isUnder(home, [])).toBe(false);
});

test("the root of the file system contains everything", async () => {
  expect(await isUnder(home, ["/"])).toBe(true);
});
