import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type Call, makeTree, startTools } from "./temp-tree.ts";

/**
 * Swaps a directory for a symlink to the one outside, or to a withheld one, and a file for a symlink to the secret, back and forth until it is
 * killed, or for one minute. Between two swaps the project's own files stay in place for up to the given milliseconds (a
 * search takes some 30 ms). The names exist on both sides, so that every look-up can succeed.
 */
const SWAPPER = `
const { renameSync } = require("node:fs");
process.chdir(process.argv[1]);
const end = Date.now() + 60_000;
console.log("swapping");
const inside = Number(process.argv[2]);
const cell = new Int32Array(new SharedArrayBuffer(4));
const pause = (most) => most > 0 && Atomics.wait(cell, 0, 0, Math.random() * most);
while (Date.now() < end) {
  for (let i = 0; i < (inside > 0 ? 1 : 50); i++) {
    renameSync("dir", "away"); renameSync("dir-link", "dir"); renameSync("file", "file-away"); renameSync("file-link", "file");
    pause(inside / 8);
    renameSync("dir", "dir-link"); renameSync("away", "dir"); renameSync("file", "file-link"); renameSync("file-away", "file");
    pause(inside);
  }
}`;

async function startRace(other: "symlink" | "pipe" | "withheld" = "symlink", insideMs = 0): Promise<Call> {
  const tree = await makeTree({
    "dir/secret.txt": "public inside\n",
    "dir/own.txt": "inside\n",
    file: "public inside\n",
    ".ssh/secret.txt": "TOP-SECRET inside\n",
  });
  // Names that exist only outside reveal a listing through the link. There are many, so that such a listing takes time.
  for (let i = 0; i < 50; i++) await writeFile(join(tree.outside, `secret-name-${i}.txt`), "TOP-SECRET inside\n");
  await symlink(other === "withheld" ? ".ssh" : tree.outside, join(tree.root, "dir-link"));
  if (other === "pipe") execFileSync("mkfifo", [join(tree.root, "file-link")]);
  else await symlink(join(tree.outside, "secret.txt"), join(tree.root, "file-link"));
  const call = await startTools(tree.root);
  const swapper = spawn(process.execPath, ["-e", SWAPPER, tree.root, String(insideMs)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(async () => {
    const gone = once(swapper, "exit");
    swapper.kill("SIGKILL");
    await gone;
  });
  await once(swapper.stdout, "data");
  return call;
}

/** Calls the tool until it has shown the right file and rejected the wrong one at least once each, which proves the race. */
async function hammer(call: Call, name: string, args: Record<string, unknown>, rounds: number, inside: string) {
  let shown = 0;
  let other = 0;
  for (let round = 0; round < rounds || (round < 20 * rounds && (shown === 0 || other === 0)); round++) {
    const outcomes = await Promise.all([call(name, args), call(name, args), call(name, args), call(name, args)]);
    for (const { output } of outcomes) {
      expect(output).not.toMatch(/TOP-SECRET|secret-name/);
      if (output.includes(inside)) shown += 1;
      else other += 1;
    }
  }
  expect(shown).toBeGreaterThan(0);
  expect(other).toBeGreaterThan(0);
}

test("view_file never shows the target of a swapped file", async () => {
  await hammer(await startRace(), "view_file", { path: "file" }, 500, "public");
});

test("view_file does not block on a pipe that replaces a file", async () => {
  await hammer(await startRace("pipe"), "view_file", { path: "file" }, 500, "public");
});

test("view_file never shows a file in the target of a swapped directory", async () => {
  await hammer(await startRace(), "view_file", { path: "dir/secret.txt" }, 500, "public");
});

test("view_file never shows a withheld file in the target of a swapped directory", async () => {
  await hammer(await startRace("withheld"), "view_file", { path: "dir/secret.txt" }, 500, "public");
});

test("list_dir never lists the target of a swapped directory", async () => {
  await hammer(await startRace(), "list_dir", { path: "dir" }, 500, "own.txt");
});

/**
 * A search of the root needs short pauses: at full speed few files stay in place until they are opened, so that few opens race.
 * A search of `dir` needs the directory to stay in place.
 */
const SEARCH_MS = { ".": 0.3, dir: 80 };

test.each([".", "dir"] as const)(
  "grep never shows a line from the target of a swapped directory, searching %j",
  async (path) => {
    await hammer(
      await startRace("symlink", SEARCH_MS[path]),
      "grep",
      { pattern: "SECRET|inside", path },
      50,
      "dir/own.txt",
    );
  },
);

test.each([".", "dir"] as const)(
  "find_files never shows a name from the target of a swapped directory, searching %j",
  async (path) => {
    await hammer(
      await startRace("symlink", SEARCH_MS[path]),
      "find_files",
      { glob: "!*.zip", path },
      50,
      "dir/own.txt",
    );
  },
);
