import { execFileSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SessionFrame } from "@boocode/contracts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type System, startSystem, type User } from "./harness/start-system.ts";
import { clientOf } from "./harness/subscriber.ts";
import { subscribed, watchSession } from "./harness/watch.ts";

let system: System;
let user: User;
let folder: string;

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "boocode-processes-")));
  writeFileSync(join(folder, "huge.txt"), "x".repeat(10_000));
  // The file is sparse: it uses no disk, and reading it to its end takes longer than any test.
  truncateSync(join(folder, "huge.txt"), 2 ** 40);
  system = await startSystem({
    env: { PROJECT_ROOTS: folder, TOOL_TIMEOUT_MS: "60000", TOOL_PROCESSES: "3", TOOL_CPU_MS: "60000" },
  });
  user = await system.addUser("ada");
});
afterAll(async () => {
  await system.stop();
  rmSync(folder, { recursive: true, force: true });
});

const HUGE = { name: "view_file", arguments: { path: "huge.txt", start_line: 2 } };

/** Posts a question to a new session; the model calls the tool and then answers. */
async function ask(tool: object, answer: object = {}): Promise<{ sessionId: string; turnId: string }> {
  const session = await user.rest.session((await user.rest.project(folder)).id, { model: "words" });
  const script = { tokens: 3, interval_ms: 5, tool_depth: 1, tool, ...answer };
  const { turn_id } = await user.rest.post(session.id, `[[script ${JSON.stringify(script)}]]`);
  return { sessionId: session.id, turnId: turn_id };
}

async function turn({ turnId }: { turnId: string }) {
  const [row] = await system.sql<
    { status: string; attempt: number; crashes: number; results: { error: string | null }[] }[]
  >`
    select status, attempt, crashes, (select array_agg(tool_result) from messages where turn_id = t.id and role = 'tool') as results
    from turns t where id = ${turnId}`;
  if (!row) throw new Error("no such turn");
  return row;
}

/** The processes that run tools for the worker and have used CPU time: they read the huge file. */
function readingProcesses(): number[] {
  const worker = system.workers[0]?.pid;
  const lines = execFileSync("ps", ["-eo", "pid=,ppid=,stat=,time=,args="], { encoding: "utf8" }).split("\n");
  return lines.flatMap((line) => {
    const [pid, parent, state = "", time, ...args] = line.trim().split(/ +/);
    const isTool =
      Number(parent) === worker && args.join(" ").includes("worker/tool-process/") && !state.startsWith("Z");
    return isTool && time !== "00:00:00" ? [Number(pid)] : [];
  });
}

const untilReading = () => expect.poll(readingProcesses, { timeout: 30_000 }).toHaveLength(1);
const untilNone = () => expect.poll(readingProcesses, { timeout: 10_000 }).toEqual([]);

test("a tool call whose process is killed is one failed call: the turn goes on, spends no attempt, and its neighbour is untouched", async () => {
  const struck = await ask(HUGE);
  await untilReading();
  const neighbour = await ask({ name: "list_dir", arguments: {} });
  await expect.poll(async () => (await turn(neighbour)).status, { timeout: 30_000 }).toBe("complete");
  expect((await turn(struck)).status).toBe("running");
  process.kill(readingProcesses()[0] as number, "SIGKILL");
  await expect.poll(async () => (await turn(struck)).status, { timeout: 30_000 }).toBe("complete");
  expect(await turn(neighbour)).toMatchObject({ attempt: 1, crashes: 0, results: [{ error: null }] });
  const error = expect.stringContaining("the tool's process ended unexpectedly");
  expect(await turn(struck)).toMatchObject({ attempt: 1, crashes: 0, results: [{ error }] });
});

test("texts in other encodings are read by the worker and by the API, with the same hash of the same lines", async () => {
  const texts = {
    "latin.txt": Buffer.from("größe = müde;\nzwei = über;\n", "latin1"),
    "utf16.txt": Buffer.from("\ufeffgröße = müde;\r\nzwei = über;\r\n", "utf16le"),
    "marked.txt": Buffer.from("\ufeffgröße = müde;\r\nzwei = über;"),
  };
  const client = clientOf(system, user);
  const project = await user.rest.project(folder);
  for (const [path, bytes] of Object.entries(texts)) {
    writeFileSync(join(folder, path), bytes);
    const { sessionId, turnId } = await ask({ name: "view_file", arguments: { path } }, { text: `${path}:1-2` });
    await expect.poll(async () => (await turn({ turnId })).status, { timeout: 20_000 }).toBe("complete");
    const message = (await user.rest.messages(sessionId)).messages.at(-1);
    const cited = await client.getCitation(sessionId, message?.id as string, 0);
    const now = await client.getFile(project.id, { path });
    expect(now).toMatchObject({ lines: ["größe = müde;", "zwei = über;"], hash: cited.hash });
  }
});

test("cancelling a turn ends its tool's process at once", async () => {
  const cancelled = await ask(HUGE);
  await untilReading();
  await user.rest.cancel(cancelled.sessionId);
  await untilNone();
  await expect.poll(async () => (await turn(cancelled)).status, { timeout: 30_000 }).toBe("cancelled");
});

test("a turn whose call waits for a process says how many go first", async () => {
  // Of three processes one user may hold two.
  const holders = [await ask(HUGE), await ask(HUGE)];
  await expect.poll(readingProcesses, { timeout: 30_000 }).toHaveLength(2);
  const late = await ask({ name: "list_dir", arguments: {} });
  const url = system.gateways[0]?.url as string;
  const watch = await subscribed(watchSession(url, user.token, late.sessionId, "?cursor=0.0.0.0"));
  const isTold = (frame: SessionFrame) => frame.type === "turn_waiting";
  expect(await watch.until(isTold)).toMatchObject({ reason: "tools", retry_in_ms: null, ahead: 0 });
  for (const { sessionId } of holders) await user.rest.cancel(sessionId);
  await watch.until((frame) => frame.type === "turn_finished");
  expect(watch.frames.filter(isTold)).toHaveLength(1);
  await watch.close();
  await untilNone();
});

test("no tool process outlives its worker", async () => {
  const orphaned = await ask(HUGE);
  await untilReading();
  const [pid] = readingProcesses();
  const worker = system.workers[0];
  if (!worker || !pid) throw new Error("no process");
  await worker.stop("SIGKILL");
  const lives = () =>
    execFileSync("ps", ["-eo", "pid=,stat="], { encoding: "utf8" }).match(new RegExp(`^ *${pid} [^Z]`, "m"));
  await expect.poll(lives, { timeout: 10_000 }).toBeNull();
  await user.rest.cancel(orphaned.sessionId);
  await system.restart(worker);
});
