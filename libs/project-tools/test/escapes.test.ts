import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, rename, symlink } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { toolOffers } from "../src/run-tool.ts";
import { makeTree, readsOf, SECRET, startReads, startTools } from "./temp-tree.ts";

/** One call of every tool, with a path that the model might use to escape. */
const CALLS: Record<string, (path: string) => Record<string, unknown>> = {
  view_file: (path) => ({ path }),
  list_dir: (path) => ({ path }),
  grep: (path) => ({ pattern: "SECRET", path }),
  find_files: (path) => ({ glob: "*", path }),
};

test("every tool is tested for escapes", () => {
  expect(Object.keys(CALLS)).toEqual(toolOffers.map(({ name }) => name));
});

/** Both ways of verifying: by descriptor, as on Linux, and by inode, as on systems without /proc. */
describe.each([{ descriptors: true }, { descriptors: false }])("with descriptors: $descriptors", ({ descriptors }) => {
  async function start() {
    const tree = await makeTree({ "src/a.txt": "inside\n", "real/b.txt": "linked\n" });
    await symlink(tree.outside, join(tree.root, "out-dir"));
    await symlink(join(tree.outside, "secret.txt"), join(tree.root, "out-file"));
    await symlink("../outside/secret.txt", join(tree.root, "out-relative"));
    await symlink("out-dir", join(tree.root, "out-chain"));
    await symlink("/dev/zero", join(tree.root, "zero"));
    await symlink(`/proc/self/root${tree.outside}`, join(tree.root, "out-proc"));
    await symlink("loop-b", join(tree.root, "loop-a"));
    await symlink("loop-a", join(tree.root, "loop-b"));
    await symlink("nowhere", join(tree.root, "dangling"));
    await symlink("../real", join(tree.root, "src/in-dir"));
    execFileSync("mkfifo", [join(tree.root, "pipe")]);
    return {
      ...tree,
      call: await startTools(tree.root, { descriptors }),
      read: await startReads(tree.root, { descriptors }),
    };
  }

  test("no tool follows a path out of the project", async () => {
    const { call, read, outside } = await start();
    const directories = [
      "..",
      "../outside",
      "src/../../outside",
      outside,
      "out-dir",
      "out-chain",
      "out-proc",
      "/",
      "/etc",
    ];
    const files = ["out-file", "out-relative", "zero", ...directories.map((path) => `${path}/secret.txt`)];
    for (const path of [...directories, ...files]) {
      for (const [name, argumentsFor] of Object.entries(CALLS)) {
        const { output, result } = await call(name, argumentsFor(path));
        expect(result.error, `${name} ${path}`).toMatch(/out of the project|not in the project|does not exist/);
        expect(output, path).not.toMatch(/TOP-SECRET|secret-name/);
      }
      for (const work of readsOf(path)) expect([work, await read(work)]).toEqual([work, { refused: "missing" }]);
    }
  });

  test("a link out of the project has one answer, whether something is there or not", async () => {
    const { call, read, root, outside } = await start();
    const targets = {
      there: join(outside, "secret.txt"),
      missing: join(outside, "nothing.txt"),
      "in-missing": join(outside, "no-folder/x"),
      "below-file": join(outside, "secret.txt/x"),
      relative: "../outside/nothing.txt",
      "through-folder": "out-dir/nothing.txt",
      "of-kernel": "/proc/1/root/nothing",
      endless: "/proc/self/cwd/../../../../../../../../nothing",
    };
    for (const [name, target] of Object.entries(targets)) await symlink(target, join(root, `to-${name}`));
    const asked = [...Object.keys(targets).map((name) => `to-${name}`), "out-dir/nothing.txt", "out-chain/no/x"];
    for (const path of asked) {
      for (const [name, argumentsFor] of Object.entries(CALLS)) {
        const { result } = await call(name, argumentsFor(path));
        expect([name, path, result.error?.replace(path, "PATH")]).toEqual([
          ...[name, path],
          "PATH leads out of the project through a symlink; files outside the project cannot be read",
        ]);
      }
      for (const work of readsOf(path)) expect([work, await read(work)]).toEqual([work, { refused: "missing" }]);
    }
  });

  test("a search of the whole project does not follow symlinks", async () => {
    const { call, read } = await start();
    const names = await read({ kind: "names", text: "e", limit: 100 });
    expect(names).toEqual({ files: ["real/b.txt"], has_more: false });
    expect((await call("grep", { pattern: "SECRET|linked" })).output).toBe("real/b.txt:1: linked");
    expect((await call("find_files", { glob: "*" })).output).toBe("real/b.txt\nsrc/a.txt");
  });

  test("a symlink that stays inside is followed", async () => {
    const { call } = await start();
    expect((await call("view_file", { path: "src/in-dir/b.txt" })).output).toContain("real/b.txt (lines 1-1 of 1)");
    expect((await call("list_dir", { path: "src/in-dir" })).output).toContain("b.txt (7 bytes)");
    expect((await call("grep", { pattern: "linked", path: "src/in-dir" })).output).toBe("real/b.txt:1: linked");
    expect((await call("find_files", { glob: "*.txt", path: "src/in-dir" })).output).toBe("real/b.txt");
  });

  test("an absolute path inside the project is accepted", async () => {
    const { call, root } = await start();
    expect((await call("view_file", { path: join(root, "src/a.txt") })).output).toContain("inside");
  });

  test("loops, dangling links, pipes and sockets are rejected and block nothing", async () => {
    const { call, read, root } = await start();
    const server = createServer().listen(join(root, "socket"));
    await once(server, "listening");
    onTestFinished(() => void server.close());
    expect((await call("view_file", { path: "loop-a" })).result.error).toContain("leads nowhere");
    expect((await call("view_file", { path: "dangling" })).result.error).toContain("does not exist");
    // Eight blocked reads of a pipe would occupy all four threads of the process, and list_dir would never return.
    const refused = await Promise.all(Array.from({ length: 8 }, () => call("view_file", { path: "pipe" })));
    for (const { result } of refused) expect(result.error).toContain("not a regular file");
    expect((await call("view_file", { path: "socket" })).result.error).toContain("not a regular file");
    const reads = ["pipe", "socket"].flatMap(readsOf);
    const answers = await Promise.all(reads.map(read));
    expect(answers.map((answer) => "refused" in answer && answer.refused)).toEqual(
      reads.map(({ kind }) => (kind === "file" ? "not_a_file" : "not_a_folder")),
    );
    expect((await call("list_dir", {})).output).toContain("pipe (pipe)");
  });

  test("after the root was moved away, nothing in its replacement is opened", async () => {
    const { call, read, root, outside } = await start();
    await rename(root, `${root}-old`);
    await mkdir(root);
    await symlink(outside, join(root, "src"));
    expect((await call("view_file", { path: "src/secret.txt" })).output).not.toContain(SECRET);
    for (const work of readsOf("src/secret.txt")) expect(JSON.stringify(await read(work))).not.toContain(SECRET);
  });
});

test("no path whatsoever shows anything from outside", async () => {
  const tree = await makeTree({ "a/b/c.txt": "inside\n" });
  await symlink(tree.outside, join(tree.root, "a/link"));
  await symlink("../..", join(tree.root, "a/up"));
  const call = await startTools(tree.root);
  const read = await startReads(tree.root);
  const names = [
    "..",
    ".",
    "a",
    "b",
    "link",
    "up",
    "secret.txt",
    "outside",
    "project",
    "",
    "~",
    "%2e%2e",
    "..\\",
    tree.root,
  ];
  const part = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...names) }, { weight: 1, arbitrary: fc.string() });
  await fc.assert(
    fc.asyncProperty(fc.array(part, { minLength: 1 }), async (parts) => {
      const path = parts.join("/");
      for (const name of ["view_file", "list_dir"]) {
        expect((await call(name, { path })).output.replaceAll(path, "")).not.toMatch(/TOP-SECRET|secret-name/);
      }
      for (const work of readsOf(path.replaceAll("\0", "") || "."))
        expect(JSON.stringify(await read(work))).not.toMatch(/TOP-SECRET|secret-name/);
    }),
    { numRuns: 500 },
  );
});
