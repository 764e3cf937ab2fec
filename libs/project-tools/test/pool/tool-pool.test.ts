import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { link, mkdir, rename, symlink } from "node:fs/promises";
import { getPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { tooMuch } from "../../src/failed-call.ts";
import FLAGS from "../../src/pool/process-flags.json" with { type: "json" };
import { startToolProcess } from "../../src/pool/tool-process.ts";
import { NO_LIMITS } from "../../src/search/search-limits.ts";
import { findFolder, makeTree, SECRET, startReads, startTools } from "../temp-tree.ts";
import { callOf, isAlive, NO_FOLDER, never, PROGRAM, SETTINGS, startPool, UNRULY, USE } from "./start-pool.ts";

const tell = async (run: Awaited<ReturnType<typeof startPool>>["run"], user = "someone") =>
  JSON.parse((await run(user, callOf("tell"))).output) as { pid: number; env: Record<string, string>; flags: string[] };

/** The names of the living processes in a process group. */
function groupOf(group: number): string[] {
  const lines = execFileSync("ps", ["-eo", "pgid=,stat=,comm="], { encoding: "utf8" }).split("\n");
  const found = lines.map((line) => /^ *(\d+) +([^ ]+) +(.*)$/.exec(line) ?? []);
  return found
    .filter(([, id, state]) => Number(id) === group && !state?.startsWith("Z"))
    .map(([, , , name]) => name as string);
}

test("a call in a process of its own answers as one in this process, and several calls share one process", async () => {
  const { root } = await makeTree({ "a.txt": "one\ntwo\n", ".gitignore": "b.txt\n", "b.txt": "two\n" });
  const { run } = await startPool({ program: PROGRAM, size: 1 });
  const project = await findFolder(root);
  const here = await startTools(root);
  for (const [name, args] of [
    ["view_file", { path: "a.txt" }],
    ["grep", { pattern: "two" }],
    ["find_files", { glob: "*.md" }],
    ["shell", {}],
  ] as const) {
    const { output, result } = await run("al", callOf(name, args), { project });
    expect(output).toBe((await here(name, args)).output);
    expect(result).toMatchObject({ name, error: name === "shell" ? output : null });
  }
});

describe("a call that kills its process, or must be killed, fails alone", () => {
  test.each([
    ["allocate", { memoryMb: 200, cpuMs: 30_000 }, tooMuch.memory(200)],
    ["fillHeap", { memoryMb: 120, cpuMs: 30_000 }, tooMuch.memory(120)],
    ["spin", { memoryMb: 512, cpuMs: 200 }, tooMuch.cpu(200)],
    ["exit", USE, tooMuch.died()],
  ])("%s", async (name, use, message) => {
    const { run, folder, logged } = await startPool({ use });
    const neighbour = run("neighbour", callOf("wait"), { signal: AbortSignal.timeout(50_000) });
    const { output, result } = await run("al", callOf(name));
    expect([output, result.error]).toEqual([message, message]);
    expect(logged.map((entry) => entry.message).join()).toMatch(/a tool call was stopped|a tool's process died/);
    expect((await run("al", callOf("answer", { value: 7 }))).output).toBe("7");
    expect(await Promise.race([neighbour, "runs"])).toBe("runs");
    // One process for the neighbour, one of the last call and one to spare; nothing is left of the killed one.
    await expect.poll(() => readdirSync(folder).length).toBe(3);
    neighbour.catch(() => {});
  });

  test("a tool that does not keep its time limit", async () => {
    const { run } = await startPool({ settings: { ...SETTINGS, limits: { ...SETTINGS.limits, timeoutMs: 100 } } });
    expect((await run("al", callOf("spin"))).result.error).toBe(tooMuch.time(100));
  });

  test.each([
    [{ memoryMb: 1, cpuMs: 30_000 }, tooMuch.memory(512)],
    [{ memoryMb: 512, cpuMs: 1 }, tooMuch.cpu(30_000)],
  ])("where nobody can watch it, the process watches itself (%j)", async (watchItself, message) => {
    const settings = { ...SETTINGS, search: NO_LIMITS, watchItself };
    const log = { warn: () => {}, error: () => {} };
    const started = startToolProcess({ program: PROGRAM, settings, use: USE, nice: 5, log });
    await started.exited;
    expect(await started.run(NO_FOLDER, { call: callOf("list_dir") }, never)).toEqual({
      failed: message,
      isTooMuch: true,
    });
  });
});

test("an aborted call rejects at once with the reason, and neither its process nor its ripgrep lives on", async () => {
  const { run, folder } = await startPool();
  const file = join(folder, "pids");
  const controller = new AbortController();
  const running = run("al", callOf("search", { file }), { signal: controller.signal });
  await expect.poll(() => existsSync(file) && readFileSync(file, "utf8")).toMatch(/^\d+ \d+$/);
  controller.abort(new Error("the user cancelled"));
  await expect(running).rejects.toThrow("the user cancelled");
  const pids = readFileSync(file, "utf8").split(" ").map(Number);
  await expect.poll(() => pids.some(isAlive)).toBe(false);
  await expect(run("al", callOf("answer"), { signal: controller.signal })).rejects.toThrow("the user cancelled");
});

describe("a read of the API", () => {
  const file = (path: string) => ({ kind: "file", path, first: 1 }) as const;
  const who = { user: "al", project: NO_FOLDER };

  test("in a process of its own answers as one in this process, also one of a folder that was replaced", async () => {
    const { root } = await makeTree({ "a.txt": "one\ntwo\n", ".env": "x" });
    const { pool } = await startPool({ program: PROGRAM, size: 1 });
    const project = await findFolder(root);
    const here = await startReads(root);
    const folder = { kind: "folder", path: ".", limit: 9 } as const;
    for (const work of [file("a.txt"), file(".env"), folder, { kind: "names", text: "a", limit: 9 } as const])
      expect(await pool.read(work, { user: "al", project }, never)).toEqual(await here(work));
    await rename(root, `${root}-moved`);
    const again = { ...project, key: "of another request" };
    expect(await pool.read(folder, { user: "al", project: again }, never)).toEqual({ refused: "replaced" });
  });

  test.each([
    ["spin", { memoryMb: 512, cpuMs: 200 }, "too_much"],
    ["allocate", { memoryMb: 200, cpuMs: 30_000 }, "too_much"],
    ["exit", USE, "busy"],
  ])("that does %s is refused alone", async (path, use, refused) => {
    const { pool, run } = await startPool({ use });
    expect(await pool.read(file(path), who, never)).toEqual({ refused });
    expect((await run("al", callOf("answer", { value: 7 }))).output).toBe("7");
  });

  test("that gets no process in time is refused, and one whose client goes away ends with its process", async () => {
    const { pool, folder } = await startPool({ size: 1, waitMs: 300 });
    const gone = new AbortController();
    const reading = pool.read(file("wait"), who, gone.signal);
    await expect.poll(() => readdirSync(folder).length).toBe(1);
    expect(await pool.read(file("tell"), who, never)).toEqual({ refused: "busy" });
    gone.abort(new Error("the client has gone away"));
    await expect(reading).rejects.toThrow("the client has gone away");
    await expect.poll(() => readdirSync(folder).length).toBe(0);
  });
});

test("a process whose service dies ends with its ripgrep, and removes its temporary folder; other signals do not end it", async () => {
  const { root } = await makeTree({ "a.txt": "x".repeat(2_000_000) });
  // Links, so that much is searched and little is stored.
  for (let index = 0; index < 100; index++) await link(join(root, "a.txt"), join(root, `${index}.txt`));
  const folder = mkdtempSync(join(tmpdir(), "boocode-tools-"));
  const child = fork(PROGRAM, [], { detached: true, env: { TMPDIR: folder }, execArgv: [] });
  child.send({ settings: { ...SETTINGS, search: NO_LIMITS, watchItself: null } });
  await once(child, "message");
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) child.kill(signal);
  child.send({ project: await findFolder(root), call: callOf("grep", { pattern: "(x[a-z]{0,200}){20}y" }) });
  await expect.poll(() => groupOf(child.pid as number), { timeout: 20_000 }).toContain("rg");
  child.disconnect();
  await once(child, "exit");
  await expect.poll(() => groupOf(child.pid as number)).toEqual([]);
  expect(existsSync(folder)).toBe(false);
});

test("a process that was given no temporary folder of its own removes none", async () => {
  const folder = mkdtempSync(join(tmpdir(), "of-all-"));
  const child = fork(PROGRAM, [], { detached: true, env: { TMPDIR: folder }, execArgv: [] });
  child.send({ settings: { ...SETTINGS, search: NO_LIMITS, watchItself: null } });
  await once(child, "message");
  child.disconnect();
  await once(child, "exit");
  expect(existsSync(folder)).toBe(true);
});

test("a process starts with the flags of its code cache, and with its memory limit", async () => {
  const { run } = await startPool({ use: { ...USE, memoryMb: 300 } });
  expect((await tell(run)).flags).toEqual([...FLAGS, "--max-old-space-size=300"]);
});

test("an idle process ends, and the next call starts another, without a secret of the service", async () => {
  process.env.SECRET_OF_THE_SERVICE = "secret";
  const { run, folder } = await startPool({ idleMs: 10 });
  const first = await tell(run);
  expect(Object.keys(first.env)).toEqual(["TMPDIR"]);
  await expect.poll(() => isAlive(first.pid) || readdirSync(folder).length > 0).toBe(false);
  expect((await tell(run)).pid).not.toBe(first.pid);
  delete process.env.SECRET_OF_THE_SERVICE;
});

test("a folder that was replaced after the turn opened it is not read, whatever has taken its place", async () => {
  const { root, outside } = await makeTree({ "secret.txt": "of the project" });
  const { run } = await startPool({ program: PROGRAM, size: 1 });
  const project = await findFolder(root);
  const view = async (folder = project) =>
    (await run("al", callOf("view_file", { path: "secret.txt" }), { project: folder })).output;
  await rename(root, `${root}-moved`);
  const refused =
    "the project's folder was moved or replaced while the turn ran; it cannot be read any more in this turn";
  expect(await view()).toBe(refused);
  await symlink(outside, root);
  expect(await view()).toBe(refused);
  await rename(root, `${root}-link`);
  await mkdir(root);
  expect(await view()).toBe(refused);
  await rename(root, `${root}-empty`);
  await rename(outside, root);
  expect(await view()).toBe(refused);
  expect(await view(await findFolder(root))).toContain(SECRET);
  await rename(root, outside);
  await rename(`${root}-moved`, root);
  expect(await view()).toContain("of the project");
});

test("one user's calls leave half of the slots to others, and a call that waits too long fails without a process", async () => {
  const { run, folder } = await startPool({ size: 4, waitMs: 300 });
  const controller = new AbortController();
  const greedy = Array.from({ length: 8 }, () => run("greedy", callOf("wait"), { signal: controller.signal }));
  const ends = Promise.allSettled(greedy);
  expect((await run("late", callOf("answer", { value: 1 }))).output).toBe("1");
  const failed = await Promise.all(greedy.slice(2));
  expect(failed.map(({ result }) => result.error)).toEqual(Array(6).fill(tooMuch.waited(300)));
  // Two for these calls, one for the late one, and one for a user without another call.
  expect(readdirSync(folder)).toHaveLength(4);
  controller.abort(new Error("enough"));
  expect((await ends).filter(({ status }) => status === "rejected")).toHaveLength(2);
});

test("a waiting call learns once how many go first: those of users who hold fewer, then those that came before", async () => {
  const { run } = await startPool({ size: 4 });
  const controller = new AbortController();
  const told: string[] = [];
  const begin = (user: string) =>
    run(user, callOf("wait"), { signal: controller.signal, onWait: (ahead) => told.push(`${user} ${ahead}`) });
  // Two of "a" and two of "b" hold a slot, which is the most of each.
  const users = ["a", "a", "a", "b", "a", "b", "c", "b"];
  const ends = Promise.allSettled(users.map(begin));
  await expect.poll(() => told, { timeout: 20_000 }).toEqual(["a 1", "a 3", "c 0", "b 2"]);
  controller.abort();
  await ends;
  expect(told).toHaveLength(4);
});

test("however many calls one user makes, another's first one finds a process that has started before", async () => {
  const { run, folder } = await startPool({ size: 6 });
  const used = new Set<number>();
  await expect
    .poll(
      async () => {
        const both = await Promise.all(["x", "y"].map((user) => tell(run, user)));
        for (const { pid } of both) used.add(pid);
        return used.size;
      },
      { timeout: 20_000 },
    )
    .toBeGreaterThan(1);
  const started = readdirSync(folder).map((name) => join(folder, name));
  const controller = new AbortController();
  const greedy = Array.from({ length: 5 }, () => run("greedy", callOf("wait"), { signal: controller.signal }));
  const ends = Promise.allSettled(greedy);
  expect(started).toContain((await tell(run, "other")).env.TMPDIR);
  controller.abort();
  await ends;
});

test("the call of a user who makes one at a time gets more of the CPU than those of a user who makes several", async () => {
  const { run } = await startPool({ size: 4 });
  const valuesOf = (pid: number) => {
    const group = `/proc/${pid}/autogroup`;
    const ofGroup = existsSync(group) ? /nice (\d+)/.exec(readFileSync(group, "utf8"))?.[1] : undefined;
    return [getPriority(pid), Number(ofGroup ?? getPriority(pid))];
  };
  const several = await Promise.all([tell(run, "several"), tell(run, "several")]);
  const { pid } = await tell(run, "one");
  await expect.poll(() => valuesOf(pid)).toEqual([3, 3]);
  for (const other of several) await expect.poll(() => valuesOf(other.pid)).toEqual([12, 12]);
  const { pid: later } = await tell(run, "several");
  expect(several.map((other) => other.pid)).not.toContain(later);
});

test("a process that cannot be started fails its call only", async () => {
  const { run, logged } = await startPool({ program: join(UNRULY, "missing.mjs") });
  expect((await run("al", callOf("answer"))).result.error).toBe(tooMuch.notStarted());
  expect(logged.map(({ message }) => message)).toContain("a tool process could not be started");
});

test("a pool that stops while it starts a spare process logs no failure and leaves nothing", async () => {
  const { pool, run, folder, logged } = await startPool({ size: 2 });
  const { pid } = await tell(run);
  await pool.stop();
  expect(isAlive(pid)).toBe(false);
  await expect.poll(() => readdirSync(folder)).toEqual([]);
  expect(logged).toEqual([]);
});

test("a process that keeps much memory is ended after its call", async () => {
  const { run } = await startPool({ use: { memoryMb: 300, cpuMs: 30_000 } });
  const { pid } = await tell(run);
  expect((await run("al", callOf("keep", { megabytes: 10 }))).output).toBe(String(pid));
  expect((await run("al", callOf("keep", { megabytes: 160 }))).output).toBe(String(pid));
  expect((await tell(run)).pid).not.toBe(pid);
});
