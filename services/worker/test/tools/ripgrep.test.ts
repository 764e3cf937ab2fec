import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createLimiter } from "../../src/tools/search/limiter.ts";
import { ripgrep } from "../../src/tools/search/ripgrep.ts";
import { makeTree } from "./temp-tree.ts";

const never = new AbortController().signal;

/** What the processes named rg that this one started were given. */
function environmentsOfChildren(): string[] {
  const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return processes.flatMap((pid) => {
    try {
      const [, name, , parent] = /\((.*)\) (\S) (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
      return name === "rg" && Number(parent) === process.pid ? [readFileSync(`/proc/${pid}/environ`, "utf8")] : [];
    } catch {
      return []; // It ended meanwhile.
    }
  });
}

/** Reading a pipe that nobody writes to, ripgrep stays until it is killed. */
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
  // A slot comes back only when its process is gone.
  await expect(slots.acquire(never)).resolves.toBeTypeOf("function");
});

test("the process is told nothing of our environment", async () => {
  for await (const _ of ripgrep({ ...(await stuckSearch()), signal: never, slots: createLimiter(1) })) {
    expect(environmentsOfChildren()).toEqual([""]);
    break;
  }
});

test("the process is killed when nobody wants more of it", async () => {
  const slots = createLimiter(1);
  for await (const record of ripgrep({ ...(await stuckSearch()), signal: never, slots })) {
    expect(record.bytes.toString()).toContain("x");
    break;
  }
  await expect(slots.acquire(never)).resolves.toBeTypeOf("function");
});

test("no more run at once than there are slots", async () => {
  const slots = createLimiter(1);
  const release = await slots.acquire(never);
  const controller = new AbortController();
  const run = ripgrep({ ...(await stuckSearch()), signal: controller.signal, slots });
  const waiting = run.next();
  controller.abort(new Error("waited long enough"));
  await expect(waiting).rejects.toThrow("waited long enough");
  release();
});

test("a program that cannot be started is no silent empty answer", async () => {
  const slots = createLimiter(1);
  const run = ripgrep({ args: [], cwd: "/nowhere/at/all", separator: 10, signal: never, slots });
  await expect(run.next()).rejects.toThrow("ENOENT");
  await expect(slots.acquire(never)).resolves.toBeTypeOf("function");
});
