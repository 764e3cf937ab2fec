import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createLimiter } from "../src/search/limiter.ts";
import { ripgrep } from "../src/search/ripgrep.ts";
import { makeTree } from "./temp-tree.ts";

const never = new AbortController().signal;

/** The environments of the processes named rg that this process has started. */
function environmentsOfChildren(): string[] {
  const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return processes.flatMap((pid) => {
    try {
      const [, name, , parent] = /\((.*)\) (\S) (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
      return name === "rg" && Number(parent) === process.pid ? [readFileSync(`/proc/${pid}/environ`, "utf8")] : [];
    } catch {
      return []; // The process has exited.
    }
  });
}

/** A search that runs until it is killed: it reads a pipe without a writer. */
async function stuckSearch() {
  const { root } = await makeTree({ "a.txt": "x\n".repeat(1000) });
  execFileSync("mkfifo", [join(root, "pipe")]);
  return { cwd: root, args: ["--no-config", "--sort=path", "-e", "x", "--", "./a.txt", "./pipe"], separator: 10 };
}

test("an abort kills the running process", async () => {
  const slots = createLimiter(1);
  const controller = new AbortController();
  const search = async () => {
    for await (const record of ripgrep({ ...(await stuckSearch()), signal: controller.signal, slots })) {
      expect(record.complete).toBe(true);
      setImmediate(() => controller.abort(new Error("enough")));
    }
  };
  await expect(search()).rejects.toThrow("enough");
  // The slot is released only when its process has exited.
  await expect(slots.acquire(never)).resolves.toBeTypeOf("function");
});

test("the process gets an empty environment", async () => {
  for await (const _ of ripgrep({ ...(await stuckSearch()), signal: never, slots: createLimiter(1) })) {
    expect(environmentsOfChildren()).toEqual([""]);
    break;
  }
});

test("the process is killed when the consumer stops", async () => {
  const slots = createLimiter(1);
  for await (const record of ripgrep({ ...(await stuckSearch()), signal: never, slots })) {
    expect(record.bytes.toString()).toContain("x");
    break;
  }
  await expect(slots.acquire(never)).resolves.toBeTypeOf("function");
});

test("a search waits for a free slot, and an abort ends the wait", async () => {
  const slots = createLimiter(1);
  const release = await slots.acquire(never);
  const controller = new AbortController();
  const run = ripgrep({ ...(await stuckSearch()), signal: controller.signal, slots });
  const waiting = run.next();
  controller.abort(new Error("waited long enough"));
  await expect(waiting).rejects.toThrow("waited long enough");
  release();
});

test("a process that cannot be started is an error, not an empty result, and its slot is released", async () => {
  const slots = createLimiter(1);
  const run = ripgrep({ args: [], cwd: "/nowhere/at/all", separator: 10, signal: never, slots });
  await expect(run.next()).rejects.toThrow("ENOENT");
  await expect(slots.acquire(never)).resolves.toBeTypeOf("function");
});
