import { mkdirSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTree, startTools } from "./temp-tree.ts";

const FILES = {
  "package.json": "",
  "src/b.ts": "",
  "src/a.tsx": "",
  "src/deep/c.ts": "",
  "lib/package.json": "",
  "dist/b.ts": "",
  ".gitignore": "dist/\n",
  ".git/x.ts": "",
  ".github/ci.yml": "",
};

test.each([
  ["package.json", ".", ["lib/package.json", "package.json"]],
  ["/package.json", ".", ["package.json"]],
  ["*.ts", ".", ["src/b.ts", "src/deep/c.ts"]],
  ["**/*.{ts,tsx}", ".", ["src/a.tsx", "src/b.ts", "src/deep/c.ts"]],
  ["src/*.ts", ".", ["src/b.ts"]],
  ["src/", ".", ["src/a.tsx", "src/b.ts", "src/deep/c.ts"]],
  ["deep/*", "src", ["src/deep/c.ts"]],
  ["[ab].ts*", "src", ["src/a.tsx", "src/b.ts"]],
  ["*.yml", ".", [".github/ci.yml"]],
  ["!*.{ts,tsx,json}", ".", [".github/ci.yml", ".gitignore"]],
  ["*.ts", "dist", ["dist/b.ts"]],
])("the glob %j in %j matches as documented", async (glob, path, paths) => {
  const call = await startTools((await makeTree(FILES)).root);
  expect((await call("find_files", { glob, path })).output.split("\n")).toEqual(paths);
});

test("an empty result explains globs, and an invalid glob is reported", async () => {
  const call = await startTools((await makeTree(FILES)).root);
  expect((await call("find_files", { glob: "*.rs" })).output).toMatch(
    /^no files in the project match \*\.rs \(.*\*\*\//,
  );
  expect((await call("find_files", { glob: "[a" })).result.error).toContain("unclosed character class");
  expect((await call("find_files", { glob: "a{b" })).result.error).toContain("unclosed alternate group");
  expect((await call("find_files", { glob: "*", path: "package.json" })).result.error).toContain("use view_file");
});

test("unusual names are shown whole, and a name that is not UTF-8 is left out", async () => {
  const { root } = await makeTree({ "new\nline.txt": "", "--files.txt": "", "a b.txt": "" });
  await writeFile(Buffer.concat([Buffer.from(`${root}/z`), Buffer.from([0xff]), Buffer.from(".txt")]), "");
  const call = await startTools(root);
  const { output } = await call("find_files", { glob: "*.txt" });
  expect(output.split("\n")).toEqual(["--files.txt", "a b.txt", '"new\\nline.txt"']);
  expect((await call("find_files", { glob: "z*" })).output).toMatch(/^no files in the project match z\*/);
});

test("a cut result says how many more paths there are", async () => {
  const names = Array.from({ length: 30 }, (_, index) => [`f${index}.txt`, ""]);
  const call = await startTools((await makeTree(Object.fromEntries(names))).root);
  const { output, result } = await call("find_files", { glob: "*.txt", max_results: 10 });
  expect(output.split("\n")).toHaveLength(11);
  expect(output).toMatch(/\n\[cut: 20 more; /);
  expect(result.truncated).toBe(true);
});

test("more files than a call has room for arguments (about 125,000) are found, and the list is cut", async () => {
  const { root } = await makeTree({});
  for (let folder = 0; folder < 130; folder++) {
    mkdirSync(join(root, `d${folder}`));
    for (let file = 0; file < 1_000; file++) writeFileSync(join(root, `d${folder}`, `${file}.ts`), "");
  }
  const call = await startTools(root, { limits: { timeoutMs: 60_000 } });
  const { output, result } = await call("find_files", { glob: "*.ts", max_results: 3 });
  expect(result.error).toBeNull();
  expect(output).toMatch(/^d0\/0\.ts\n.*\n.*\n\[cut: 129997 more;/);
});
