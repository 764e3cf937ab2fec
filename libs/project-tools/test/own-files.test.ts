import { link, mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openProject, ProjectUnavailable } from "../src/project/open-project.ts";
import { findOwnFiles, isOwn } from "../src/withheld/own-files.ts";
import { type Call, makeTree, startTools, type TempTree } from "./temp-tree.ts";

const KEY = "key-of-the-service";

/** A project with a data folder and a key of the service in it, and links to both. */
async function makeService(): Promise<TempTree & { own: { folders: string[]; files: string[] } }> {
  const tree = await makeTree({
    "data/token": KEY,
    "data/pg/table.txt": KEY,
    "keys/model.txt": KEY,
    "src/a.txt": "key-of-nobody\n",
  });
  const { root } = tree;
  await symlink("../data", join(root, "src/folder"));
  await symlink("../keys/model.txt", join(root, "src/symlink.txt"));
  await link(join(root, "data/token"), join(root, "src/hard-token.txt"));
  await link(join(root, "keys/model.txt"), join(root, "src/hard-key.txt"));
  return { ...tree, own: { folders: [join(root, "data")], files: [join(root, "keys/model.txt")] } };
}

const FILES = ["data/token", "data/pg/table.txt", "keys/model.txt", "src/symlink.txt", "src/folder/token"];

async function expectNothingShown(call: Call, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    expect((await call("view_file", { path })).result.error, path).toMatch(
      /is withheld because it belongs to the system/,
    );
    expect((await call("grep", { pattern: "key", path })).output, path).toContain("withheld");
  }
}

describe.each([{ descriptors: true }, { descriptors: false }])("with descriptors: $descriptors", ({ descriptors }) => {
  test("no tool opens the data folder, a file that the configuration names, or a link to one", async () => {
    const { root, own } = await makeService();
    const call = await startTools(root, { descriptors, own });
    await expectNothingShown(call, [...FILES, "src/hard-token.txt", "src/hard-key.txt"]);
    for (const path of ["data", "data/pg", "src/folder"])
      expect((await call("list_dir", { path })).result.error, path).toContain("is withheld");
    expect((await call("list_dir", {})).output).toContain("data/ (withheld: own)");
    expect((await call("list_dir", { path: "keys" })).output).toContain("model.txt (withheld: own)");
    for (const args of [{ glob: "*.txt" }, { glob: "**", include_ignored: true }, { glob: "data/**" }])
      expect((await call("find_files", args)).output).not.toMatch(/table|token$|model/m);
    const { output } = await call("grep", { pattern: "key", include_ignored: true, max_results: 1 });
    expect(output).toBe("src/a.txt:1: key-of-nobody\n[1 file withheld that may hold secrets (own)]");
  });

  test("a file that has taken a configured name since is withheld, and so is the data folder after it was moved back", async () => {
    const { root, own } = await makeService();
    await rename(join(root, "data"), join(root, "later"));
    const call = await startTools(root, { descriptors, own });
    await writeFile(join(root, "keys/new"), KEY);
    await rename(join(root, "keys/new"), join(root, "keys/model.txt"));
    await rename(join(root, "later"), join(root, "data"));
    await expectNothingShown(call, FILES);
  });
});

test("git's index is not read from the data folder either", async () => {
  const { root, own } = await makeService();
  await mkdir(join(root, ".git/info"), { recursive: true });
  for (const folder of ["objects", "refs"]) await mkdir(join(root, ".git", folder));
  await writeFile(join(root, ".git/HEAD"), "ref: refs/heads/main\n");
  await writeFile(join(root, "data/rules"), "a.txt\n");
  await symlink("../../data/rules", join(root, ".git/info/exclude"));
  expect((await (await startTools(root, { own }))("find_files", { glob: "a.txt" })).output).toBe("src/a.txt");
});

test("a project at the data folder, below it, or behind a symlink to it cannot be opened", async () => {
  const { root, outside, own } = await makeService();
  const rules = { allowed: async () => [join(root, "..")], own };
  await symlink(join(root, "data"), join(outside, "link"));
  for (const path of [join(root, "data"), join(root, "data/pg"), join(root, "src/folder"), join(outside, "link")]) {
    const opening = openProject({ kind: "path", path }, rules);
    await expect(opening, path).rejects.toThrow(ProjectUnavailable);
    await expect(opening, path).rejects.toThrow("the project's folder cannot be opened");
  }
  const opened = await openProject({ kind: "path", path: join(root, "src") }, rules);
  await opened.close();
});

test("nothing of the kernel is shown, even if the whole disk is the project", async () => {
  const call = await startTools("/");
  for (const path of ["proc/self/environ", "/proc/1/cmdline", "proc/self/root/proc/self/environ", "/sys/kernel/notes"])
    expect((await call("view_file", { path })).result.error, path).toMatch(
      /is withheld|permission denied|does not exist/,
    );
  for (const path of ["proc", "/proc/self", "sys", "dev"])
    expect((await call("list_dir", { path })).result.error, path).toContain(
      "is withheld because it belongs to the system",
    );
  expect((await call("grep", { pattern: ".", path: "proc/self/environ" })).result.error).toMatch(
    /is withheld|permission denied|does not exist/,
  );
  expect((await call("view_file", { path: "/etc/hostname" })).output).not.toContain("withheld");
  for (const path of ["/proc/self", "/proc/self/root/proc", "/sys"]) await expect(startTools(path)).rejects.toThrow();
});

test("the kernel's file systems are recognized by their type, wherever they are mounted", async () => {
  const own = { folders: [], files: [], system: [] };
  const call = await startTools("/", { own });
  expect((await call("view_file", { path: "proc/self/status" })).result.error).toContain("is withheld");
  for (const path of ["proc", "sys"])
    expect((await call("list_dir", { path })).result.error, path).toContain("is withheld");
  for (const path of ["/proc/self", "/sys/kernel"])
    await expect(startTools(path, { own }), path).rejects.toThrow("belongs to the service itself or to the kernel");
});

test("the places where containers mount secrets are closed by default, also before they exist", async () => {
  const own = await findOwnFiles({ folders: [], files: [] });
  for (const path of ["/proc", "/sys", "/dev/shm", "/run/secrets", "/run/secrets/db"])
    expect([path, isOwn(own, path)]).toEqual([path, true]);
  for (const path of ["/run/secrets-2", "/srv/proc"]) expect([path, isOwn(own, path)]).toEqual([path, false]);
});

test("a data folder and a file that are configured by a symlink are withheld by their real paths", async () => {
  const { root, outside } = await makeService();
  await symlink(join(root, "data"), join(outside, "data"));
  await symlink(join(root, "keys/model.txt"), join(outside, "key"));
  const call = await startTools(root, { own: { folders: [join(outside, "data")], files: [join(outside, "key")] } });
  await expectNothingShown(call, FILES);
  expect((await call("list_dir", {})).output).toContain("data/ (withheld: own)");
});
