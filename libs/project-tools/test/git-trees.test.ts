import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { makeTree, startTools } from "./temp-tree.ts";

/**
 * Random trees, each with the existing files that git 2.39 lists in it and in nested repositories (`git ls-files --cached
 * --others --exclude-standard`). git wrote their index files: versions 2 to 4, split indexes, SHA-1 and SHA-256.
 */
interface RecordedTree {
  kind: "plain" | "tracked" | "nested" | "submodule" | "sub-folder";
  /** The project's folder, which may be a sub-folder of its repository. */
  project: string;
  /** Paths of ordinary files. */
  plain: string[];
  /** Ignore files and git's text files, by path; @BASE@ stands for the folder of the tree. */
  text: Record<string, string>;
  /** Binary files by path, in base64. */
  bytes: Record<string, string>;
  directories: string[];
  expected: string[];
}

const TREES: RecordedTree[] = JSON.parse(await readFile(new URL("./fixtures/git-trees.json", import.meta.url), "utf8"));

async function makeRecorded(tree: RecordedTree): Promise<string> {
  const { root } = await makeTree({});
  for (const path of tree.directories) await mkdir(join(root, path), { recursive: true });
  const contents = [
    ...tree.plain.map((path) => [path, Buffer.from("x\n")] as const),
    ...Object.entries(tree.text).map(([path, text]) => [path, Buffer.from(text.replaceAll("@BASE@", root))] as const),
    ...Object.entries(tree.bytes).map(([path, bytes]) => [path, Buffer.from(bytes, "base64")] as const),
  ];
  for (const [path, content] of contents) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  return root;
}

const shown = (path: string) => (path.startsWith('"') ? JSON.parse(path) : path);

test("find_files lists what git lists, and grep searches it", async () => {
  expect(new Set(TREES.map(({ kind }) => kind)).size).toBe(5);
  for (const [index, tree] of TREES.entries()) {
    const base = await makeRecorded(tree);
    const call = await startTools(join(base, tree.project), {
      ...{ allowedRoots: [base], limits: { outputBytes: 100_000 } },
      // git lists files such as .env.
      withheldGroupOf: () => null,
    });
    const { output } = await call("find_files", { glob: "**", max_results: 1000 });
    const name = `tree ${index}, ${tree.kind}`;
    expect(output.split("\n").map(shown).sort(), name).toEqual([...tree.expected].sort());
    const plain = tree.expected.filter((path) => tree.plain.includes(join(tree.project, path)));
    if (plain.length === 0 || index % 3 !== 0) continue;
    const found = await call("grep", { pattern: "^x$", max_results: 500 });
    expect(
      found.output
        .split("\n")
        .map((line) => shown(line.slice(0, -":1: x".length)))
        .sort(),
      name,
    ).toEqual([...plain].sort());
  }
}, 120_000);
