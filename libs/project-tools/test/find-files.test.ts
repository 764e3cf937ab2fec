import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
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

const ROUTES = [
  ...["app/[id]/page.tsx", "app/[...slug]/page.tsx", "app/[[...slug]]/page.tsx", "app/(group)/page.tsx"],
  ...["app/(.)photo/page.tsx", "app/@modal/page.tsx", "app/[post-id]/page.tsx", "{{cookiecutter.name}}/setup.py"],
  ...["list,v", "wild*card.txt", "r\u00e9sum\u00e9.md", "cafe\u0301.md"],
];

test("a file is found by its own path, whatever characters that contains, and in either Unicode form", async () => {
  const call = await startTools((await makeTree({ ...Object.fromEntries(ROUTES.map((path) => [path, "x\n"])) })).root);
  for (const path of ROUTES) {
    const forms = [path, path.normalize("NFC"), path.normalize("NFD")];
    for (const glob of new Set([...forms, `./${path}`, `"${path}"`]))
      expect((await call("find_files", { glob })).output.split("\n"), glob).toContain(path);
    // Both tools read globs alike, and a grep runs ripgrep three times.
    for (const glob of new Set(forms))
      expect((await call("grep", { pattern: "x", glob })).output.split("\n"), glob).toContain(`${path}:1: x`);
  }
});

const REACT = {
  ...{ "src/a.ts": "x", "src/b.tsx": "x", "src/ui/c.ts": "x", "src/ui/d.test.ts": "x", "packages/p/src/e.ts": "x" },
  ...{ "README.md": "x", "lib/a.min.js": "x", "lib/a.js": "x", "lib/v1.js": "x", "lib/v2.js": "x", "lib/v3.js": "x" },
};

test.each<[string, string, string]>([
  ["*.ts,*.tsx", "src", "src/a.ts src/b.tsx src/ui/c.ts src/ui/d.test.ts"],
  ["*.tsx, *.md", ".", "README.md src/b.tsx"],
  ["*.tsx *.md", ".", "README.md src/b.tsx"],
  ["*.tsx|*.md", ".", "README.md src/b.tsx"],
  ['["*.tsx","*.md"]', ".", "README.md src/b.tsx"],
  ["'*.tsx'", ".", "src/b.tsx"],
  ["*.@(tsx|md)", ".", "README.md src/b.tsx"],
  ["src", ".", "packages/p/src/e.ts src/a.ts src/b.tsx src/ui/c.ts src/ui/d.test.ts"],
  ["src/ui", ".", "src/ui/c.ts src/ui/d.test.ts"],
  ["src/ui/", ".", "src/ui/c.ts src/ui/d.test.ts"],
  ["/src/ui", ".", "src/ui/c.ts src/ui/d.test.ts"],
  ["src/ui/*.ts", "src", "src/ui/c.ts src/ui/d.test.ts"],
  ["packages/*/src", ".", "packages/p/src/e.ts"],
  ["src/**.ts", ".", "src/a.ts src/ui/c.ts src/ui/d.test.ts"],
  ["src/**", ".", "src/a.ts src/b.tsx src/ui/c.ts src/ui/d.test.ts"],
  ["**/ui/**", ".", "src/ui/c.ts src/ui/d.test.ts"],
  ["src\\ui\\*.ts", ".", "src/ui/c.ts src/ui/d.test.ts"],
  [".\\src\\a.ts", ".", "src/a.ts"],
  ["ROOT/src/*.ts", ".", "src/a.ts"],
  ["ROOT/src/ui/*.ts", "src", "src/ui/c.ts src/ui/d.test.ts"],
  ["lib/a{,.min}.js", ".", "lib/a.js lib/a.min.js"],
  ["lib/v{1..2}.js", ".", "lib/v1.js lib/v2.js"],
  ["lib/{a,v{1,3}}.js", ".", "lib/a.js lib/v1.js lib/v3.js"],
  ["src/**/*.ts,!*.test.ts", ".", "src/a.ts src/ui/c.ts"],
  ["!*.test.ts,!*.md,!lib,!packages", ".", "src/a.ts src/b.tsx src/ui/c.ts"],
  ["src/*,!src/b*", ".", "src/a.ts"],
])("the glob %j in %j finds the same with find_files and grep", async (given, path, expected) => {
  const { root } = await makeTree(REACT);
  const call = await startTools(root);
  const glob = given.replace("ROOT", root);
  expect((await call("find_files", { glob, path })).output.split("\n")).toEqual(expected.split(" "));
  const lines = expected.split(" ").map((file) => `${file}:1: x`);
  expect((await call("grep", { pattern: "x", glob, path })).output.split("\n")).toEqual(lines);
});

test("a glob whose brackets are those of an existing path means that path alone", async () => {
  const files = { "app/[id]/a.ts": "x", "app/i/a.ts": "x", "app/[id]/b/c.ts": "x" };
  const call = await startTools((await makeTree(files)).root);
  expect((await call("find_files", { glob: "app/[id]/a.ts" })).output).toBe("app/[id]/a.ts");
  expect((await call("find_files", { glob: "[id]", path: "app" })).output).toBe("app/[id]/a.ts\napp/[id]/b/c.ts");
  expect((await call("grep", { pattern: "x", glob: "app/[id]/a.ts", path: "app" })).output).toBe("app/[id]/a.ts:1: x");
  expect((await call("find_files", { glob: "app/[ij]/a.ts" })).output).toBe("app/i/a.ts");
  const open = () => readdirSync("/dev/fd").length;
  const before = open();
  for (let index = 0; index < 20; index++) await call("grep", { pattern: "x", glob: "../*" });
  expect(open() - before).toBeLessThan(10);
});

test("a glob that differs only in case or directory is answered with similar paths", async () => {
  const call = await startTools((await makeTree({ ...REACT, ".gitignore": "*.log", "App.log": "" })).root);
  expect((await call("find_files", { glob: "readme.MD" })).output).toContain("; did you mean README.md?");
  expect((await call("find_files", { glob: "ui/*.ts" })).output).toContain(
    "did you mean src/ui/c.ts or src/ui/d.test.ts?",
  );
  expect((await call("find_files", { glob: "app.log" })).output).not.toContain("did you mean");
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

test("more files than a function can take as arguments (about 125,000) are found, and the list is cut", {
  // Creating the files takes most of it on a busy machine.
  timeout: 240_000,
}, async () => {
  const { root } = await makeTree({});
  for (let folder = 0; folder < 130; folder++) {
    const path = join(root, `d${folder}`);
    mkdirSync(path);
    writeFileSync(join(path, "0.ts"), "");
    // Links take a fraction of the time of files.
    for (let file = 1; file < 1_000; file++) linkSync(join(path, "0.ts"), join(path, `${file}.ts`));
  }
  const call = await startTools(root, { limits: { timeoutMs: 60_000 } });
  const { output, result } = await call("find_files", { glob: "*.ts", max_results: 3 });
  expect(result.error).toBeNull();
  expect(output).toMatch(/^d0\/0\.ts\n.*\n.*\n\[cut: 129997 more;/);
  // Node's own removal takes several times as long.
  execFileSync("rm", ["-r", root]);
});
