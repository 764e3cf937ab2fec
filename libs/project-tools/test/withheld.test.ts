import { link, mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ToolContext } from "../src/define-tool.ts";
import { openProjectRoot } from "../src/project/project-root.ts";
import { toolOffers } from "../src/run-tool.ts";
import { separate } from "../src/search/find-withheld.ts";
import { type Call, findFolder, makeTree, startReads, startTools } from "./temp-tree.ts";

const PASSWORD = "hunter2-of-the-test";
/** Withheld files of several groups, each with the password, beside files with the same word that may be shown. */
const SECRETS = {
  ".env": `PASSWORD=${PASSWORD}\n`,
  "config/.ENV.Production": `PASSWORD=${PASSWORD}\n`,
  "config/master.key": `${PASSWORD}\n`,
  "deploy/id_rsa": `PASSWORD ${PASSWORD}\n`,
  ".Git/Config": `[remote]\nurl = https://x:${PASSWORD}@host\n`,
  ".ssh/config": `PASSWORD ${PASSWORD}\n`,
  "Logins/.netrc": Buffer.from(`\ufeffPASSWORD ${PASSWORD}\n`, "utf16le"),
};
const SHOWN = {
  ".env.example": "PASSWORD=\n",
  "src/env.ts": "const PASSWORD = 1;\n",
  "deploy/id_rsa.pub": "PASSWORD public\n",
  "src/credentials.ts": "export const PASSWORD = 2;\n",
};
const ALL = { ...SECRETS, ...SHOWN };

/** Calls of every tool that could show the content of a path. */
const CALLS: Record<string, (path: string) => Record<string, unknown>[]> = {
  view_file: (path) => [{ path }],
  list_dir: (path) => [{ path }],
  grep: (path) => [
    { pattern: "hunter2", path },
    { pattern: "hunter2", glob: path, include_ignored: true },
  ],
  find_files: (path) => [{ glob: path, include_ignored: true }],
};

async function expectNoSecret(call: Call, paths: readonly string[]): Promise<void> {
  expect(Object.keys(CALLS)).toEqual(toolOffers.map(({ name }) => name));
  for (const path of paths) {
    for (const [name, calls] of Object.entries(CALLS))
      for (const args of calls(path))
        expect((await call(name, args)).output, `${name} ${path}`).not.toContain(PASSWORD);
  }
}

describe.each([{ descriptors: true }, { descriptors: false }])("with descriptors: $descriptors", ({ descriptors }) => {
  test("no tool shows a withheld file, whatever it is asked", async () => {
    const { root } = await makeTree(ALL);
    const call = await startTools(root, { descriptors });
    await expectNoSecret(call, [...Object.keys(SECRETS), ".", ".ssh"]);
    for (const form of ["./.env", "/.env", join(root, ".env"), ".env:1", "src/../.env", "`.env`", ".ENV.:1-9", "@.env"])
      expect((await call("view_file", { path: form })).output, form).not.toContain(PASSWORD);
    const all = { pattern: "hunter2|PASSWORD", context: 5, include_ignored: true };
    for (const args of [all, { ...all, max_results: 1 }, { ...all, glob: "**" }])
      expect((await call("grep", args)).output).not.toContain(PASSWORD);
  });

  test("the API's reads show no withheld file, name none in a folder, and find none by its name", async () => {
    const { root } = await makeTree(ALL);
    await symlink("../.env", join(root, "src/settings.ts"));
    const read = await startReads(root, { descriptors });
    for (const path of [...Object.keys(SECRETS), "src/settings.ts", join(root, ".env"), "src/../.env"])
      expect(await read({ kind: "file", path, first: 1 }), path).toEqual({ refused: "withheld" });
    const names = [];
    for (const path of [".", "config", "deploy", ".Git", ".ssh", "Logins", "src"]) {
      const answer = await read({ kind: "folder", path, limit: 500 });
      if ("entries" in answer) names.push(...answer.entries.map(({ name }) => name));
    }
    const shown = [
      ".Git",
      ".env.example",
      "Logins",
      "config",
      "credentials.ts",
      "deploy",
      "env.ts",
      "id_rsa.pub",
      "src",
    ];
    expect(names.sort()).toEqual(shown);
    const found = await read({ kind: "names", text: "e", limit: 100 });
    expect("files" in found && found.files.toSorted()).toEqual(Object.keys(SHOWN).sort());
    for (const path of Object.keys(SHOWN)) expect(await read({ kind: "file", path, first: 1 })).toHaveProperty("lines");
  });

  test("view_file says that a file is withheld and why, and shows files whose name only looks similar", async () => {
    const call = await startTools((await makeTree(ALL)).root, { descriptors });
    const { result } = await call("view_file", { path: "deploy/id_rsa" });
    expect(result.error).toBe(
      "deploy/id_rsa is withheld because it may hold secrets (keys): no tool shows its content",
    );
    expect((await call("grep", { pattern: "x", path: ".env" })).result.error).toContain("withheld");
    for (const path of Object.keys(SHOWN))
      expect((await call("view_file", { path })).output, path).toContain("PASSWORD");
  });

  test("a symlink to a withheld file, or to its folder, is withheld", async () => {
    const { root } = await makeTree({ ...ALL, "a.txt": "" });
    await symlink("../.env", join(root, "src/settings.ts"));
    await symlink("../.ssh", join(root, "src/folder"));
    await symlink("src/settings.ts", join(root, "chain.ts"));
    const call = await startTools(root, { descriptors });
    const paths = ["src/settings.ts", "src/folder/config", "chain.ts", "src/folder"];
    await expectNoSecret(call, paths);
    for (const path of paths.slice(0, 3)) expect((await call("view_file", { path })).output).toContain("is withheld");
    expect((await call("list_dir", { path: "src" })).output).toContain(
      "settings.ts -> ../.env (symlink, withheld: env)",
    );
  });

  test("everything in a project that lies in a withheld folder is withheld", async () => {
    const { root } = await makeTree({ ".ssh/notes.txt": PASSWORD, ".ssh/a.pub": "public", ".git/config": PASSWORD });
    const ssh = await startTools(join(root, ".ssh"), { descriptors });
    await expectNoSecret(ssh, ["notes.txt", "."]);
    expect((await ssh("view_file", { path: "notes.txt" })).output).toContain("notes.txt is withheld");
    expect((await ssh("view_file", { path: "a.pub" })).output).toContain("public");
    const git = await startTools(join(root, ".git"), { descriptors });
    await expectNoSecret(git, ["config", "."]);
    expect((await git("find_files", { glob: "*" })).output).toContain("[1 file withheld");
    await rename(join(root, ".ssh"), join(root, "moved"));
    await symlink("moved", join(root, ".ssh"));
    await expectNoSecret(await startTools(join(root, ".ssh"), { descriptors }), ["notes.txt", "."]);
  });

  test("nothing about a withheld name tells whether it exists outside the project", async () => {
    const { root, outside } = await makeTree(ALL);
    await writeFile(join(outside, ".env"), PASSWORD);
    const call = await startTools(root, { descriptors });
    const answers = await Promise.all(
      ["../outside/.env", "../outside/.env.local"].map((path) => call("view_file", { path })),
    );
    const [there, missing] = answers.map(({ output }) => output.replace(".env.local", ".env"));
    expect(there).toBe(missing);
    expect(there).not.toContain("withheld");
  });
});

test("list_dir marks withheld files and folders", async () => {
  const call = await startTools((await makeTree(ALL)).root);
  const { output } = await call("list_dir", {});
  expect(output.split("\n").slice(1)).toEqual([
    ...[".Git/", ".env (withheld: env)", ".env.example (10 bytes)", ".ssh/ (withheld: ssh)", "Logins/", "config/"],
    ...["deploy/", "src/"],
  ]);
  expect((await call("list_dir", { path: "deploy" })).output).toContain(
    "id_rsa (withheld: keys)\nid_rsa.pub (16 bytes)",
  );
});

const NOTE = /\n\[(\d+) files? withheld that may hold secrets \(([a-z, ]+)\)\]$/;
const withheldIn = async (call: Call, name: string, args: Record<string, unknown>) => {
  const [, count = "0", groups = ""] = NOTE.exec((await call(name, args)).output) ?? [];
  return [Number(count), groups];
};

test.each<[Record<string, unknown>, number, string]>([
  [{}, 7, "env, git, keys, logins, ssh"],
  [{ max_results: 1 }, 7, "env, git, keys, logins, ssh"],
  [{ path: "config" }, 2, "env, keys"],
  [{ glob: "*.key" }, 1, "keys"],
  [{ glob: "deploy/*" }, 1, "keys"],
  [{ glob: "!config/**" }, 5, "env, git, keys, logins, ssh"],
  [{ glob: "*.ts" }, 0, ""],
  [{ path: "src" }, 0, ""],
])("searches with %j leave out %i withheld files (%s) and say so", async (args, count, groups) => {
  const call = await startTools((await makeTree(ALL)).root);
  const expected = [count, groups];
  for (const pattern of ["PASSWORD", "nowhere"])
    expect(await withheldIn(call, "grep", { pattern, ...args }), pattern).toEqual(expected);
  expect(await withheldIn(call, "find_files", { glob: "**", ...args })).toEqual(expected);
});

test("withheld files that are also ignored are counted only if ignored files are asked for, and never shown", async () => {
  const files = { ...ALL, ".gitignore": ".env*\n*.key\n!.env.example\nignored/\n", "ignored/.env": PASSWORD };
  const { root } = await makeTree(files);
  const call = await startTools(root);
  await expectNoSecret(call, [".env", "ignored", "ignored/.env"]);
  expect(await withheldIn(call, "grep", { pattern: "hunter2" })).toEqual([5, "env, git, keys, logins, ssh"]);
  expect(await withheldIn(call, "grep", { pattern: "hunter2", include_ignored: true })).toEqual([
    8,
    "env, git, keys, logins, ssh",
  ]);
  expect(await withheldIn(call, "find_files", { glob: ".env", include_ignored: true })).toEqual([2, "env"]);
  expect(await withheldIn(call, "grep", { pattern: "hunter2", glob: "deploy/*" })).toEqual([1, "keys"]);
  const { output } = await call("find_files", { glob: ".env" });
  expect(output).not.toContain("ignored files that match");
  expect(output).toMatch(/\n\[2 files withheld that may hold secrets \(env\)\]$/);
});

test("a withheld file cannot be told by the number of its matches, and hides no match of another file", async () => {
  const { root } = await makeTree({ "a/.env": "needle\n".repeat(50), "b.txt": "needle\n" });
  const call = await startTools(root);
  const { output, result } = await call("grep", { pattern: "needle", max_results: 1 });
  expect(output).toBe("b.txt:1: needle\n[1 file withheld that may hold secrets (env)]");
  expect(result.truncated).toBe(false);
});

test("ripgrep is told not to read withheld files", async () => {
  const root = await openProjectRoot(await findFolder((await makeTree(ALL)).root));
  onTestFinished(() => root.close());
  const context = { root, signal: new AbortController().signal } as ToolContext;
  const { shown, withheld } = await separate([["src/env.ts", ".env"], ["deploy/id_rsa"]], context);
  expect([shown, withheld.globs]).toEqual([["src/env.ts"], ["--glob=!/.env", "--glob=!/deploy/id_rsa"]]);
});

test("of more withheld files than ripgrep is told about, nothing is shown either", async () => {
  const many = Object.fromEntries(Array.from({ length: 1100 }, (_, index) => [`keys/${index}.pem`, `${PASSWORD}\n`]));
  const call = await startTools((await makeTree({ ...many, "z.txt": "hunter2\n" })).root);
  const { output } = await call("grep", { pattern: "hunter2", max_results: 5 });
  expect(output).toBe("z.txt:1: hunter2\n[1100 files withheld that may hold secrets (keys)]");
});

test("the rules of a repository apply although its settings are withheld", async () => {
  const { root } = await makeTree({ "a.log": "", "b.txt": "" });
  for (const folder of ["objects", "refs", "info"]) await mkdir(join(root, ".git", folder), { recursive: true });
  await writeFile(join(root, ".git/HEAD"), "ref: refs/heads/main\n");
  await writeFile(join(root, ".git/config"), `[core]\n# ${PASSWORD}\n`);
  await writeFile(join(root, ".git/info/exclude"), "*.log\n");
  const call = await startTools(root);
  expect((await call("find_files", { glob: "*" })).output).toBe("b.txt");
  expect((await call("view_file", { path: ".git/config" })).output).toContain("(git)");
  expect((await call("view_file", { path: ".git/HEAD" })).output).toContain("refs/heads/main");
});

test("a hard link to a withheld file has no other path, so it is shown", async () => {
  const { root } = await makeTree({ ".env": "PASSWORD\n" });
  await link(join(root, ".env"), join(root, "linked.txt"));
  expect((await (await startTools(root))("view_file", { path: "linked.txt" })).output).toContain("PASSWORD");
});
