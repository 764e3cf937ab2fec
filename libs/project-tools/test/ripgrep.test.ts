import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ripgrep } from "../src/search/ripgrep.ts";
import { searchArguments } from "../src/search/ripgrep-arguments.ts";
import { findSearchLimits, NO_LIMITS } from "../src/search/search-limits.ts";
import { makeTree } from "./temp-tree.ts";

const never = new AbortController().signal;

/** Of the processes named rg that this process has started. */
const environmentsOfChildren = () => readOfChildren("environ");
const limitsOfChild = () => readOfChildren("limits").join();
const argumentsOfChild = () => readOfChildren("cmdline").join();

function readOfChildren(file: "environ" | "limits" | "cmdline"): string[] {
  const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return processes.flatMap((pid) => {
    try {
      const [, name, , parent] = /\((.*)\) (\S) (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
      return name === "rg" && Number(parent) === process.pid ? [readFileSync(`/proc/${pid}/${file}`, "utf8")] : [];
    } catch {
      return []; // The process has exited.
    }
  });
}

/** A search that runs until it is killed: it reads a pipe without a writer. */
async function stuckSearch(line = "x") {
  const { root } = await makeTree({ "a.txt": `${line}\n`.repeat(1000) });
  execFileSync("mkfifo", [join(root, "pipe")]);
  return { cwd: root, args: ["--no-config", "--sort=path", "-e", "x", "--", "./a.txt", "./pipe"], separator: 10 };
}

test("an abort kills the running process", async () => {
  const controller = new AbortController();
  const search = async () => {
    for await (const record of ripgrep({ ...(await stuckSearch()), signal: controller.signal, limits: NO_LIMITS })) {
      expect(record.complete).toBe(true);
      setImmediate(() => controller.abort(new Error("enough")));
    }
  };
  await expect(search()).rejects.toThrow("enough");
  await expect.poll(environmentsOfChildren).toEqual([]);
});

test("the process gets an empty environment and its limits, and is killed when the consumer stops", async () => {
  const limits = await findSearchLimits({ memoryMb: 300, cpuMs: 2500 });
  expect(limits.missing).toEqual([]);
  for await (const record of ripgrep({ ...(await stuckSearch()), signal: never, limits })) {
    expect(record.bytes.toString()).toContain("x");
    expect(environmentsOfChildren()).toEqual([""]);
    expect(limitsOfChild()).toMatch(/Max cpu time +3 +3 .*Max address space +314572800 +314572800 /s);
    break;
  }
  await expect.poll(environmentsOfChildren).toEqual([]);
});

test("a pattern is in no process list, and stays a pattern if it looks like an option or has blanks at its ends", async () => {
  const pattern = " --pre=secret ";
  const { cwd, separator } = await stuckSearch(pattern);
  const args = [...searchArguments({ fixedString: true, caseSensitive: true }), "--", "./a.txt", "./pipe"];
  const run = { args, cwd, separator, signal: never };
  const limits = await findSearchLimits({ memoryMb: 300, cpuMs: 2500 });
  for await (const { bytes } of ripgrep({ ...run, pattern, limits })) {
    if (!bytes.includes('"type":"match"')) continue;
    expect(bytes.toString()).toContain(pattern);
    expect(argumentsOfChild()).toContain("--file=-");
    expect(argumentsOfChild()).not.toContain("secret");
    break;
  }
  const broken = ripgrep({ ...run, pattern: "a\nb", limits }).next();
  await expect(broken).rejects.toThrow("a pattern cannot contain a line break");
});

test("a search that reaches its limit of memory or CPU time fails, also after its first matches", async () => {
  const { root } = await makeTree({ "a.txt": "x\n", "b.txt": `${"x".repeat(2_000_000)}\n` });
  const search = async (commands: string[], args: string[]) => {
    const limits = { commands, missing: [] };
    const paths = ["--no-config", "--sort=path", ...args, "--", "./a.txt", "./b.txt"];
    for await (const _ of ripgrep({ args: paths, cwd: root, separator: 10, signal: never, limits }));
  };
  await search([], ["-e", "x"]);
  await expect(search(["ulimit -v 30000"], ["--json", "-e", "x"])).rejects.toThrow(
    "more memory than one call may; ask for",
  );
  // A pattern whose automaton does not fit its cache.
  const slow = ["--dfa-size-limit=1K", "-e", "(x[a-z]{0,200}){20}y"];
  await expect(search(["ulimit -t 1"], slow)).rejects.toThrow("more CPU time than one call may; ask for less");
});

test("a process that cannot be started is an error, not an empty result", async () => {
  const run = ripgrep({ args: [], cwd: "/nowhere/at/all", separator: 10, signal: never, limits: NO_LIMITS });
  await expect(run.next()).rejects.toThrow("ENOENT");
});
