import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTree, SECRET, startTools } from "./temp-tree.ts";

const NUMBERED = Array.from({ length: 30 }, (_, index) => `line ${index + 1}`).join("\n");
const FILES = {
  "src/a.ts": NUMBERED,
  "src/b:7": "colon\n",
  "src/cafe\u0301/x.ts": "accent\n",
  "README.md": "read me\n",
  "lib/Config.js": "config\n",
  "app/[id]/page.tsx": "route\n",
  "my file.txt": "blank\n",
  "packages/api/src/z.ts": "needle\n",
  "packages/web/src/z.ts": "needle\n",
  "packages/web/test/z.ts": "needle\n",
};

test("a path is opened however a model writes it, and the output says which path that was", async () => {
  const { root } = await makeTree(FILES);
  const call = await startTools(root);
  const shown = async (path: string, more = {}) => (await call("view_file", { path, ...more })).output.split("\n");
  for (const [path, first, last] of [
    ["src/a.ts:12", 12, 30],
    ["src/a.ts:12:5", 12, 30],
    ["src/a.ts:12-20", 12, 20],
    ["src/a.ts#L12-L20", 12, 20],
    ["/src/a.ts:12", 12, 30],
    ["src\\a.ts", 1, 30],
    ["`src/a.ts`", 1, 30],
    [`${root}/src/a.ts:12-20`, 12, 20],
    [`file://${root}/src/a.ts`, 1, 30],
    ["project/src/a.ts", 1, 30],
  ] as const) {
    const [note, heading, line] = await shown(path);
    expect(note, path).toMatch(/^\[.* was taken as .*src\/a\.ts/);
    expect(heading, path).toBe(`src/a.ts (lines ${first}-${last} of 30)`);
    expect(line, path).toBe(`${String(first).padStart(6)}\tline ${first}`);
  }
  expect((await shown("src/a.ts:12", { start_line: 3, end_line: 4 }))[1]).toBe("src/a.ts (lines 3-4 of 30)");
  expect(await shown("src/b:7")).toEqual(["src/b:7 (lines 1-1 of 1)", "     1\tcolon"]);
  for (const path of ["app/[id]/page.tsx", "app/\\[id\\]/page.tsx", "./app/[id]/page.tsx", "app\\[id]\\page.tsx"]) {
    expect((await shown(path)).at(-1), path).toBe("     1\troute");
  }
  expect((await shown("my\\ file.txt")).at(-1)).toBe("     1\tblank");
  expect((await call("list_dir", { path: "/packages/" })).output).toContain("packages (2 entries)");
  expect((await call("grep", { pattern: "line 12", path: "src/a.ts:3" })).output).toContain("src/a.ts:12: line 12");
  expect((await call("find_files", { glob: "*.ts", path: "/packages/api" })).output).toContain("packages/api/src/z.ts");
});

test("a glob or a list given as the path of a search is searched", async () => {
  const call = await startTools((await makeTree(FILES)).root);
  const found = async (path: string, glob?: string) => {
    const { output } = await call("grep", { pattern: "needle", path, ...(glob && { glob }) });
    return output.split("\n").slice(1);
  };
  const [api, web, tests] = ["packages/api/src/z.ts", "packages/web/src/z.ts", "packages/web/test/z.ts"].map(
    (path) => `${path}:1: needle`,
  );
  expect(await found("packages/*/src")).toEqual([api, web]);
  expect(await found("z.*")).toEqual([api, web, tests]);
  expect(await found("packages/**/*.ts")).toEqual([api, web, tests]);
  expect(await found("packages/api,packages/web/test")).toEqual([api, tests]);
  expect(await found("packages/{api,web}/src", "*.ts")).toEqual([api, web]);
  expect(await found("packages/*", "*.ts,!**/test/**")).toEqual([api, web]);
  expect((await call("find_files", { glob: "z.*", path: "packages/*/src" })).output).toMatch(
    /^\[.* taken as a glob\]\npackages\/api\/src\/z\.ts\npackages\/web\/src\/z\.ts$/,
  );
  expect((await call("view_file", { path: "src/*.ts" })).result.error).toContain("find_files takes globs");
  expect((await call("grep", { pattern: "x", path: "nowhere" })).result.error).toMatch(/^nowhere does not exist/);
});

test("a missing path is answered with similar names, and one that differs only in Unicode form is opened", async () => {
  const tree = await makeTree(FILES);
  symlinkSync(tree.outside, join(tree.root, "Out"));
  const call = await startTools(tree.root);
  const error = async (path: string, name = "view_file") => (await call(name, { path })).result.error;
  expect(await error("readme.md")).toMatch(/^readme\.md does not exist; .*; did you mean README\.md\?$/);
  expect(await error("SRC/A.ts:3")).toContain("did you mean src/a.ts?");
  expect(await error("lib/config.ts")).toContain("did you mean lib/Config.js?");
  expect(await error("LIB", "list_dir")).toContain("did you mean lib?");
  expect(await error("nothing/like.this")).not.toContain("did you mean");
  expect(await error("out/secret.TXT")).not.toMatch(/did you mean|secret\.txt/);
  const { output } = await call("view_file", { path: "src/caf\u00e9/x.ts" });
  expect(output).toMatch(/^\[no name has the Unicode form .*, so it was taken as src\/cafe\u0301\/x\.ts\]\n/);
  expect(output).toContain("     1\taccent");
  expect((await call("list_dir", { path: "src/caf\u00e9" })).output).toContain("x.ts (7 bytes)");
  expect(output).not.toContain(SECRET);
});

test("two names that fit are both suggested, and only a part of a large directory is examined", async () => {
  const { root } = await makeTree({ "a/Name.ts": "", "a/NAME.ts": "" });
  const call = await startTools(root);
  expect((await call("view_file", { path: "a/name.ts" })).result.error).toMatch(
    /did you mean a\/NAME\.ts or a\/Name\.ts\?/,
  );
  mkdirSync(join(root, "big"));
  for (let file = 0; file < 11_000; file++) writeFileSync(join(root, "big", `${file}.ts`), "");
  expect((await call("view_file", { path: "big/x.ts" })).result.error).toMatch(/does not exist/);
});
