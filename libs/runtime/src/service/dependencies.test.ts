import { afterEach, expect, test, vi } from "vitest";
import { createDependencies, type Dependencies } from "./dependencies.ts";
import { reasonOf } from "./failure-reason.ts";
import type { Logger } from "./logger.ts";

let made: Dependencies | undefined;
afterEach(() => {
  made?.stop();
  vi.useRealTimers();
});

/** @returns dependencies whose log lines are `lines`, each `level dependency reason` */
function start() {
  const lines: string[] = [];
  const write = (level: string) => (facts: { dependency: string; reason?: string }) =>
    void lines.push([level, facts.dependency, facts.reason].filter(Boolean).join(" "));
  made = createDependencies({ warn: write("warn"), info: write("info") } as unknown as Logger, () => Date.now());
  return { dependencies: made, lines };
}

const reply = (message: string) => Object.assign(new Error(message), { name: "ReplyError" });

test("each dependency is reported by name, with the reason when it is down", async () => {
  const { dependencies } = start();
  const fail = (error: unknown) => () => Promise.reject(error);
  const checks: Record<string, () => unknown> = {
    fine: () => Promise.resolve("PONG"),
    silent: () => undefined,
    throws: () => {
      throw new Error("x");
    },
    denies: () => false,
    full: fail(reply("OOM command not allowed when used memory > 'maxmemory'.")),
    replica: fail(Object.assign(new Error("cannot execute UPDATE"), { name: "PostgresError", code: "25006" })),
    old: fail(Object.assign(new Error("migration 0009"), { reason: "schema_outdated" })),
    gone: fail(Object.assign(new Error("x"), { code: "ECONNREFUSED" })),
  };
  for (const [name, check] of Object.entries(checks)) dependencies.add(name, check);
  expect(await dependencies.readiness()).toEqual({
    status: "not_ready",
    dependencies: {
      ...{ fine: "ok", silent: "ok", throws: "down", denies: "down" },
      ...{ full: "down", replica: "down", old: "down", gone: "down" },
    },
    reasons: {
      ...{ throws: "failed", denies: "unreachable", full: "out_of_memory" },
      ...{ replica: "read_only", old: "schema_outdated", gone: "unreachable" },
    },
  });
});

test.each([
  [
    "ERR The user executing the script can't run this command or subcommand script: 3c37, on @user_script:1.",
    "permission_denied",
  ],
  [
    "ERR Error running script (call to f_3c37): @user_script:1: -OOM command not allowed when used memory",
    "out_of_memory",
  ],
  ["ERR Error running script (call to f_3c37): @user_script:1: -READONLY You can't write", "read_only"],
  ["NOREPLICAS Not enough good replicas to write.", "read_only"],
  ["UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)", "read_only"],
  ["ERR something else", "failed"],
])("Redis's reply %s means %s", (message, reason) => {
  expect(reasonOf(reply(message))).toBe(reason);
});

test.each([
  ["EROFS", "read_only"],
  ["EACCES", "permission_denied"],
  ["ENOSPC", "disk_full"],
  ["ENOENT", "unreachable"],
])("the system's error %s means %s", (code, reason) => {
  expect(reasonOf(Object.assign(new Error("mkdtemp"), { code }))).toBe(reason);
});

test("a dependency that never answers has timed out after one second, and the checks run in parallel", async () => {
  vi.useFakeTimers();
  const { dependencies } = start();
  for (const name of ["a", "b", "c"]) dependencies.add(name, () => new Promise(() => {}));
  const answer = dependencies.readiness();
  await vi.advanceTimersByTimeAsync(1_000);
  expect((await answer).reasons).toEqual({ a: "timed_out", b: "timed_out", c: "timed_out" });
});

test("an answer is kept for two seconds, and asked again after a reported failure", async () => {
  vi.useFakeTimers();
  const { dependencies } = start();
  let asked = 0;
  dependencies.add("redis", () => void asked++);
  await Promise.all([dependencies.readiness(), dependencies.readiness()]);
  await vi.advanceTimersByTimeAsync(1_999);
  await dependencies.readiness();
  expect(asked).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  await dependencies.readiness();
  expect(asked).toBe(2);
  dependencies.report(reply("NOPERM no"));
  await dependencies.readiness();
  expect(asked).toBe(3);
});

test("an outage is logged when it begins, for each further reason, and when it ends, however many failures it has", async () => {
  vi.useFakeTimers();
  const { dependencies, lines } = start();
  let works = false;
  dependencies.add("redis", () => works);
  for (let i = 0; i < 100; i++) {
    expect(dependencies.report(new Error("Connection is closed."))).toBe(true);
    if (i > 50) expect(dependencies.report(reply("LOADING Redis is loading"))).toBe(true);
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(lines).toEqual(["warn redis unreachable", "warn redis starting"]);
  works = true;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(lines.at(-1)).toBe("info redis");
  expect(lines).toHaveLength(3);
});

test("a fault that the check does not find is logged less and less often", async () => {
  vi.useFakeTimers();
  const { dependencies, lines } = start();
  dependencies.add("redis", () => true);
  for (let second = 0; second < 600; second++) {
    dependencies.report(reply("NOPERM this user has no permissions to run the 'xadd' command"));
    await vi.advanceTimersByTimeAsync(1_000);
  }
  expect(lines.length).toBeLessThan(40);
});

test("other errors, and those of a dependency that is not checked, are not taken", () => {
  const { dependencies, lines } = start();
  dependencies.add("redis", () => true);
  expect(dependencies.report(new TypeError("a defect"))).toBe(false);
  expect(dependencies.report(Object.assign(new Error("x"), { name: "PostgresError", code: "53300" }))).toBe(false);
  expect(lines).toEqual([]);
});
