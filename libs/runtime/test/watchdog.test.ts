import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const program = fileURLToPath(new URL("./blockable.ts", import.meta.url));
/** Even on a busy machine, the loop of a healthy process is blocked for less than this. */
const LIMIT_MS = 3_000;
const BLOCK_MS = 500;

async function start(limitMs: number) {
  const args = ["--import", "tsx", program];
  const env = { ...process.env, LOG_LEVEL: "info", WATCHDOG_MS: String(limitMs) };
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "pipe"], env });
  const closed = once(child, "close");
  const log: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => log.push(line));
  const said = createInterface({ input: child.stderr })[Symbol.asyncIterator]();
  const next = async () => (await said.next()).value as string;
  expect(await next()).toBe("ready");
  return {
    child,
    closed,
    fatal: () => log.map((line) => JSON.parse(line)).filter(({ level }) => level === 60),
    /** Begins to block the event loop. @returns a promise that resolves at its end, with false if the process ended first */
    async block(ms: number) {
      child.stdin.write(`${ms}\n`);
      expect(await next()).toBe(String(ms));
      return { ended: next().then((line) => line === String(ms)) };
    },
  };
}

test.concurrent("a process whose event loop is blocked ends with SIGKILL, and its last log line says why", async () => {
  const { closed, block, fatal } = await start(1_000);
  const from = performance.now();
  expect(await (await block(60_000)).ended).toBe(false);
  expect(await closed).toEqual([null, "SIGKILL"]);
  expect(performance.now() - from).toBeGreaterThan(900);
  expect(fatal()).toEqual([
    expect.objectContaining({
      ...{ service: "blockable", worker_id: "w1", pid: expect.any(Number), time: expect.any(Number) },
      blocked_ms: expect.any(Number),
      msg: expect.stringMatching(/^the event loop has been blocked for 1\d\d\d ms/),
    }),
  ]);
});

test.concurrent("the time in which the whole process was stopped does not count", async () => {
  const { child, closed, block, fatal } = await start(LIMIT_MS);
  const { ended } = await block(2 * BLOCK_MS);
  // Until the thread has noticed that the loop is blocked.
  await delay(LIMIT_MS / 10);
  child.kill("SIGSTOP");
  // Within this time a watchdog that counted the stop would have ended the process.
  await delay(LIMIT_MS + 1_000);
  child.kill("SIGCONT");
  expect(await ended).toBe(true);
  child.kill("SIGTERM");
  expect(await closed).toEqual([0, null]);
  expect(fatal()).toEqual([]);
});

test.concurrent("an event loop that runs between long tasks does not count as blocked", async () => {
  const { child, closed, block } = await start(LIMIT_MS);
  for (let task = 0; task < (1.5 * LIMIT_MS) / BLOCK_MS; task += 1) {
    expect(await (await block(BLOCK_MS)).ended).toBe(true);
  }
  child.kill("SIGTERM");
  expect(await closed).toEqual([0, null]);
});

test.concurrent("0 turns the watchdog off", async () => {
  const { child, closed, block } = await start(0);
  expect(await (await block(1_500)).ended).toBe(true);
  child.kill("SIGTERM");
  expect(await closed).toEqual([0, null]);
});
