import { mkdir, rename, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTree, startTools, type TempTree } from "./temp-tree.ts";

/** Makes a directory a repository without commits. */
async function makeRepository(directory: string, more: Record<string, string | Buffer> = {}): Promise<void> {
  for (const folder of ["objects", "refs", "info"]) await mkdir(join(directory, ".git", folder), { recursive: true });
  const files = { HEAD: "ref: refs/heads/main\n", config: "[core]\n", ...more };
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, ".git", name), content);
}

/** Writes an index of version 2 with these regular files. */
function writeIndex(paths: string[]): Buffer {
  const entries = paths.sort().map((path) => {
    const size = 62 + Buffer.byteLength(path);
    const entry = Buffer.alloc(size + 8 - (size % 8));
    entry.writeUInt32BE(0o100644, 24);
    entry.writeUInt16BE(Buffer.byteLength(path), 60);
    entry.write(path, 62);
    return entry;
  });
  const head = Buffer.from("DIRC\0\0\0\u0002\0\0\0\0");
  head.writeUInt32BE(paths.length, 8);
  return Buffer.concat([head, ...entries, Buffer.alloc(20)]);
}

async function list(root: string, args: Record<string, unknown> = {}, allowedRoots: string[] = []) {
  const call = await startTools(root, { allowedRoots, limits: { timeoutMs: 60_000 } });
  return (await call("find_files", { glob: "**", ...args })).output;
}

test("a tracked file is found even if an ignore pattern matches it", async () => {
  const files = {
    ".gitignore": ".env*\nbuild/\n",
    ".env": "KEY",
    ".env.example": "KEY",
    "build/a": "KEY",
    "build/b": "",
  };
  const { root } = await makeTree(files);
  await makeRepository(root, { index: writeIndex([".env.example", "build/a", "gone"]) });
  const call = await startTools(root);
  expect((await call("find_files", { glob: ".env*" })).output).toBe(".env.example");
  expect((await call("find_files", { glob: "**" })).output).toBe(".env.example\n.gitignore\nbuild/a");
  expect((await call("grep", { pattern: "KEY" })).output).toBe(".env.example:1: KEY\nbuild/a:1: KEY");
  expect((await call("grep", { pattern: "KEY", glob: ".env*" })).output).toBe(".env.example:1: KEY");
});

test("tracked files that do not exist leave room for those that do", async () => {
  const { root } = await makeTree({ ".gitignore": "*.log\n", "z.log": "" });
  const gone = Array.from({ length: 20_000 }, (_, index) => `gone/${index}.log`);
  await makeRepository(root, { index: writeIndex([...gone, "z.log"]) });
  expect(await list(root)).toBe(".gitignore\nz.log");
});

test("of tracked files that an ignore pattern matches, as many are found as have 2 MB of paths", async () => {
  const directory = Array.from({ length: 12 }, () => "d".repeat(250)).join("/");
  const paths = Array.from({ length: 800 }, (_, index) => `${directory}/${1000 + index}.log`);
  const { root } = await makeTree({ ".gitignore": "*.log\n" });
  await mkdir(join(root, directory), { recursive: true });
  for (const path of paths) await writeFile(join(root, path), "");
  await makeRepository(root, { index: writeIndex(paths) });
  const found = await list(root, { glob: "{1000,1799}.log" });
  expect(found).toContain("/1000.log");
  expect(found).not.toContain("/1799.log");
});

test("a tracked file that is marked skip-worktree is found if it exists", async () => {
  const { root } = await makeTree({ ".gitignore": "*.local\n", "a.local": "", "b.local": "" });
  const entry = Buffer.alloc(72);
  entry.writeUInt32BE(0o100644, 24);
  entry.writeUInt16BE(0x4000, 60);
  entry.writeUInt16BE(0x4000, 62);
  entry.write("a.local", 64);
  const head = Buffer.from("DIRC\0\0\0\u0003\0\0\0\u0001");
  await makeRepository(root, { index: Buffer.concat([head, entry, Buffer.alloc(20)]) });
  expect(await list(root)).toBe(".gitignore\na.local");
});

test("a pattern that is longer than any name does not disable the others", async () => {
  const { root } = await makeTree({
    ".gitignore": `*.log\n${"*a".repeat(50_000)}\n${"a/".repeat(20_000)}b\n`,
    "a.log": "",
  });
  expect(await list(root)).toBe(".gitignore");
});

test("all rules of a long ignore file apply", async () => {
  // ripgrep compiles these rules to twice the size that it takes from one file.
  const rules = Array.from({ length: 700 }, (_, index) => `${"?*".repeat(100)}${index}`);
  const { root } = await makeTree({ ".gitignore": ["*.log", ...rules, "!b.log"].join("\n"), "a.log": "", "b.log": "" });
  expect(await list(root)).toBe(".gitignore\nb.log");
});

test("rules that are too large or too many are named, and files that they exclude are shown", async () => {
  const long = `*.txt\n${Array.from({ length: 10_000 }, (_, index) => `name${index}`).join("\n")}`;
  const { root } = await makeTree({
    "a/.gitignore": long,
    "a/a.txt": "",
    "b/.gitignore": long,
    "b/b.txt": "",
    "c/.gitignore": "*.txt",
    "c/c.txt": "",
    "d/.gitignore": `*.txt\n#${"x".repeat(256 * 1024)}`,
    "d/d.txt": "",
  });
  expect(await list(root, { glob: "*.txt" })).toBe(
    "[the ignore rules of b/.gitignore and 1 more are not applied, because they are too large or too many: " +
      "files that they exclude are shown]\nb/b.txt\nd/d.txt",
  );
});

test("ignore files are read up to a limit of all of them together, however little they exclude", async () => {
  const comment = `*.txt\n#${"x".repeat(255 * 1024)}\n`;
  const names = Array.from({ length: 12 }, (_, index) => String.fromCharCode(97 + index));
  const files = names.flatMap((name) => [
    [`${name}/.gitignore`, comment],
    [`${name}/x.txt`, ""],
  ]);
  const { root } = await makeTree(Object.fromEntries(files));
  expect(await list(root, { glob: "*.txt" })).toBe(
    "[the ignore rules of i/.gitignore and 3 more are not applied, because they are too large or too many: " +
      "files that they exclude are shown]\ni/x.txt\nj/x.txt\nk/x.txt\nl/x.txt",
  );
});

test("indexes are read up to a limit of all of them together", async () => {
  const { root } = await makeTree({ "a/.gitignore": "*.log", "a/a.log": "", "b/.gitignore": "*.log", "b/b.log": "" });
  for (const name of ["a", "b"]) {
    await makeRepository(join(root, name), { index: writeIndex([`${name}.log`]) });
    await truncate(join(root, name, ".git/index"), 20 * 2 ** 20);
  }
  const output = await list(root, { glob: "*.log" });
  expect(output).toMatch(/^\[git's index of b could not be read \(it is too large, alone or with .*\na\/a.log$/s);
});

test("a directory beyond the limit of those with ignore rules is noted", async () => {
  const { root } = await makeTree({});
  const directories = Array.from({ length: 2001 }, (_, index) => join(root, `d${index}`));
  for (const directory of directories) {
    await mkdir(directory);
    await writeFile(join(directory, ".ignore"), "");
  }
  expect(await list(root, { max_results: 1 })).toContain(
    "ignore rules are applied in 2000 directories only, and more have some",
  );
});

test("names in an index that lead out of the repository are skipped", async () => {
  const { root } = await makeTree({ ".gitignore": "*.log\n", "a.log": "", "b.log": "" });
  const names = [
    "/etc/passwd",
    "/",
    "../outside/secret.txt",
    "..",
    "a/../../x",
    "./b.log",
    "a//b",
    "a/",
    ".git/HEAD",
    "a.log",
  ];
  await makeRepository(root, { index: writeIndex(names) });
  await makeRepository(join(root, "nested"), { index: writeIndex(names) });
  await writeFile(join(root, "nested/c.txt"), "");
  expect(await list(root)).toBe(".gitignore\na.log\nnested/c.txt");
});

test("an ignored directory that has replaced a tracked file stays ignored", async () => {
  const { root } = await makeTree({ ".gitignore": "build/\n", "build/a": "", "src/a.log": "" });
  await makeRepository(root, { index: writeIndex(["build", "src"]) });
  expect(await list(root)).toBe(".gitignore\nsrc/a.log");
});

test("include_ignored searches ignored files, but never git's own folder", async () => {
  const files = { ".gitignore": "*.log\n", "a.log": "x", "b.txt": "x", ".git/config": "x" };
  const call = await startTools((await makeTree(files)).root);
  expect((await call("find_files", { glob: "*", include_ignored: true })).output).toBe(".gitignore\na.log\nb.txt");
  expect((await call("grep", { pattern: "^x", include_ignored: true })).output).toBe("a.log:1: x\nb.txt:1: x");
  expect((await call("find_files", { glob: "*.log" })).output).toContain(
    "ignored files that match: 1, include_ignored: true shows them",
  );
});

/** Makes a project that is a sub-folder of a repository with rules of its own. */
async function makeSubfolder(): Promise<TempTree & { base: string }> {
  const tree = await makeTree({ "node_modules/m.js": "", "a.log": "", "b.tmp": "", "c.txt": "" });
  const base = join(tree.root, "..");
  await makeRepository(base, { "info/exclude": "*.tmp\n" });
  await writeFile(join(base, ".gitignore"), "node_modules/\n/project/*.log\n/*.txt\n");
  return { ...tree, base };
}

test("the rules of the repository around the project apply", async () => {
  const { root, base } = await makeSubfolder();
  expect(await list(root, {}, [base])).toBe("c.txt");
});

test("nothing above the allowed roots is read, and nothing above the repository's top", async () => {
  const { root, base } = await makeSubfolder();
  expect(await list(root, {}, [root])).toContain("a.log");
  await makeRepository(root);
  expect(await list(root, {}, [base])).toContain("a.log");
});

test("an ignore file above the project is not read through a symlink", async () => {
  const { root, base } = await makeSubfolder();
  await rename(join(base, ".gitignore"), join(base, "rules"));
  await symlink("rules", join(base, ".gitignore"));
  expect(await list(root, {}, [base])).toBe("a.log\nc.txt\nnode_modules/m.js");
  await rename(join(base, ".git"), join(base, "git"));
  await symlink("git", join(base, ".git"));
  expect(await list(root, {}, [base])).toContain("b.tmp");
});

test("an ignore file that is a symlink has no effect, as in git", async () => {
  const { root } = await makeTree({ rules: "*.log\n", "a.log": "" });
  await symlink("rules", join(root, ".gitignore"));
  expect(await list(root)).toBe("a.log\nrules");
});

test("an index that is too large is not read", async () => {
  const { root } = await makeTree({ "a.txt": "" });
  await makeRepository(root, { index: "DIRC" });
  await truncate(join(root, ".git/index"), 40 * 2 ** 20);
  expect(await list(root)).toContain("it is too large, alone or with the indexes of other repositories");
});

test("a project that is ignored by the repository around it is shown", async () => {
  const { root, base } = await makeSubfolder();
  await writeFile(join(base, ".gitignore"), "/proj*\n*.txt\n");
  expect(await list(root, {}, [base])).toContain("c.txt");
});

test("a nested repository has its own rules, and a .git file that leads out of the project is not followed", async () => {
  const files = {
    ".gitignore": "*.log\n",
    "nested/a.log": "",
    "nested/b.txt": "",
    "linked/a.log": "",
    "plain/a.log": "",
  };
  const { root, outside } = await makeTree(files);
  await makeRepository(root);
  await makeRepository(join(root, "nested"), { "info/exclude": "*.txt\n" });
  await makeRepository(outside, { "info/exclude": "*\n" });
  await writeFile(join(root, "linked/.git"), "gitdir: ../../outside/.git\n");
  await mkdir(join(root, "plain/.git"));
  expect(await list(root)).toBe(
    "[git's index of linked could not be read (its git folder is outside the project): tracked files that match an ignore pattern are left out]\n" +
      ".gitignore\nlinked/a.log\nnested/a.log",
  );
});

test.each([
  ["not an index of version 2 to 4", Buffer.from("DIRC\0\0\0\u0005\0\0\0\0")],
  ["the index ends too early", writeIndex(["a.log"]).subarray(0, 50)],
  ["its shared index is missing", writeSplitIndex()],
  ["its names are too long", writeLongNames()],
])("an index that cannot be read is reported: %s", async (problem, index) => {
  const { root } = await makeTree({ ".gitignore": "*.log\n", "a.log": "" });
  await makeRepository(root, { index });
  expect(await list(root)).toBe(
    `[git's index could not be read (${problem}): tracked files that match an ignore pattern are left out]\n.gitignore`,
  );
});

function writeSplitIndex(): Buffer {
  const link = Buffer.concat([Buffer.from("link\0\0\0\u0014"), Buffer.alloc(20, 1)]);
  return Buffer.concat([writeIndex([]).subarray(0, 12), link, Buffer.alloc(20)]);
}

/** An index of version 4 in which each name repeats all but the last byte of the previous one: 3 GB of names in 4 MB. */
function writeLongNames(): Buffer {
  const entry = (name: string) => {
    const stat = Buffer.alloc(63);
    stat.writeUInt32BE(0o100644, 24);
    stat[62] = 1;
    return Buffer.concat([stat, Buffer.from(`${name}\0`)]);
  };
  const first = entry("x".repeat(60_000));
  first[62] = 0;
  const head = Buffer.from("DIRC\0\0\0\u0004\0\0\0\0");
  head.writeUInt32BE(50_001, 8);
  return Buffer.concat([head, first, Buffer.alloc(50_000 * 65, entry("y")), Buffer.alloc(20)]);
}
