import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTree, startTools } from "./temp-tree.ts";

const WORD = "word-of-the-test";
const FILES = { "a/plan.txt": WORD, "b/plan.txt": WORD, "private/deep/x.ts": WORD, ".env": WORD, "open.txt": WORD };

test(".boocodeignore withholds more files, in any case, and `!` takes nothing from the defaults", async () => {
  const ignore = "Private/\n/a/PLAN.*\n!.env\n!*\n*.secret\n!public.secret\n";
  const { root } = await makeTree({
    ...{ ...FILES, ".boocodeignore": ignore.replace("!*\n", ""), "x.SECRET": WORD, "public.secret": WORD },
  });
  const call = await startTools(root);
  for (const path of ["a/plan.txt", "private/deep/x.ts", "x.SECRET"])
    expect((await call("view_file", { path })).output).toBe(
      `${path} is withheld because it may hold secrets (.boocodeignore): no tool shows its content`,
    );
  expect((await call("view_file", { path: ".env" })).output).toContain("(env)");
  for (const path of ["b/plan.txt", "open.txt", "public.secret"])
    expect((await call("view_file", { path })).output).toContain(WORD);
  const note = "[4 files withheld that may hold secrets (.boocodeignore, env)]";
  for (const args of [{}, { max_results: 1 }, { include_ignored: true }]) {
    const { output } = await call("grep", { pattern: WORD, ...args });
    expect(output).not.toMatch(/^(a|private|x|\.env)/m);
    expect(output.endsWith(note)).toBe(true);
  }
  expect((await call("find_files", { glob: "**" })).output).toBe(
    [".boocodeignore", "b/plan.txt", "open.txt", "public.secret", note].join("\n"),
  );
  expect((await call("list_dir", {})).output).toContain("private/ (withheld: .boocodeignore)");
  await writeFile(join(root, ".boocodeignore"), "!*\n!.env\n!/.env\n");
  expect((await (await startTools(root))("view_file", { path: ".env" })).output).toContain("(env)");
});

test("the .boocodeignore of a folder above applies as far as the project's owner may use it", async () => {
  const { root } = await makeTree({ "web/a.txt": WORD, "web/b.txt": WORD, ".boocodeignore": "/web/a.txt\n" });
  const inside = await startTools(join(root, "web"), { allowedRoots: [root] });
  expect((await inside("view_file", { path: "a.txt" })).output).toContain("(.boocodeignore)");
  expect((await inside("view_file", { path: "b.txt" })).output).toContain(WORD);
  const alone = await startTools(join(root, "web"));
  expect((await alone("view_file", { path: "a.txt" })).output).toContain(WORD);
  await writeFile(join(root, ".boocodeignore"), "web/\n");
  const withheld = await startTools(join(root, "web"), { allowedRoots: [root] });
  expect((await withheld("view_file", { path: "b.txt" })).output).toContain("(.boocodeignore)");
});

test("a huge .boocodeignore costs little, and its first patterns apply", async () => {
  const lines = Array.from({ length: 200_000 }, (_, index) => `${"*a".repeat(20)}${index}`);
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`${"a".repeat(100)}${index}/b.txt`, ""]));
  const { root } = await makeTree({ ...FILES, ...many, ".boocodeignore": ["open.txt", ...lines].join("\n") });
  const call = await startTools(root);
  expect((await call("find_files", { glob: "*.txt", max_results: 1000 })).result.error).toBeNull();
  expect((await call("view_file", { path: "open.txt" })).output).toContain("(.boocodeignore)");
});

test("the first 200 patterns apply, and not the part of a line at which a file over 64 KiB is cut", async () => {
  const patterns = [...Array.from({ length: 199 }, (_, index) => `none-${index}`), "a/plan.txt", "b/plan.txt"];
  const { root } = await makeTree({ ...FILES, ".boocodeignore": `${patterns.join("\n")}\n` });
  const shown = async (path: string) => (await (await startTools(root))("view_file", { path })).output.includes(WORD);
  expect([await shown("a/plan.txt"), await shown("b/plan.txt")]).toEqual([false, true]);
  const end = "/open.txt";
  const comment = `#${"x".repeat(64 * 1024 - end.length - 2)}\n`;
  await writeFile(join(root, ".boocodeignore"), `${comment}${end}-and-more`);
  expect(await shown("open.txt")).toBe(true);
});
