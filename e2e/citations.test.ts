import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Citation, SessionFrame } from "@boocode/contracts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createFold, foldOf } from "./harness/fold.ts";
import { ONLY_PUBLISHED, type System, startSystem, type User } from "./harness/start-system.ts";
import { clientOf } from "./harness/subscriber.ts";
import { untilEnd } from "./harness/turn-end.ts";
import { subscribed, type Watch, watchSession } from "./harness/watch.ts";

const LINES = Array.from({ length: 60 }, (_, index) => `const value${index + 1} = ${index + 1};`);

let system: System;
let user: User;
let folder: string;

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "boocode-citations-")));
  for (const name of ["src", "conf"]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, "src", "a.ts"), LINES.join("\n"));
  writeFileSync(join(folder, "conf", ".env"), "SECRET=1\n");
  // A busy machine must not decide whether citations are checked.
  system = await startSystem({ env: { ...ONLY_PUBLISHED, PROJECT_ROOTS: folder, CITATIONS_TIMEOUT_MS: "60000" } });
  user = await system.addUser("ada");
});
afterAll(async () => {
  await system.stop();
  rmSync(folder, { recursive: true, force: true });
});

const view = (start_line: number, end_line: number) => ({
  name: "view_file",
  arguments: { path: "src/a.ts", start_line, end_line },
});

test("an answer is found by a search, before and after a worker has written its words", async () => {
  const { sessionId, watch } = await newSession();
  const { id } = await answer({ sessionId, watch }, "The needleInHaystack is in `src/a.ts:12`.");
  const client = clientOf(system, user);
  const find = async () => (await client.searchSessions("haystack src/a.ts")).sessions;
  const found = await find();
  // The question, too: the model's script stands in it.
  expect(found).toMatchObject([{ id: sessionId, matches: [{ in: "answer", message_id: id }, { in: "question" }] }]);
  await expect.poll(async () => (await system.sql`select from search_queue`).length, { timeout: 20_000 }).toBe(0);
  expect(await find()).toEqual(found);
  expect((await client.searchProjects("boocode-citations")).projects).toEqual([]);
  watch.close();
});

async function newSession() {
  const project = await user.rest.project(folder);
  const session = await user.rest.session(project.id, { name: "named", model: "words" });
  const watch = await subscribed(watchSession(system.gateways[0]?.url as string, user.token, session.id));
  return { projectId: project.id, sessionId: session.id, watch };
}

interface Asking {
  sessionId: string;
  watch: Watch<SessionFrame>;
}

/** Posts a question; the model calls the tools, if any, and answers with the text. */
async function answer({ sessionId, watch }: Asking, text: string, tool?: object) {
  const script = { text, tool_depth: tool ? 1 : 0, ...(tool && { tool }), key: randomUUID() };
  const { turn_id } = await user.rest.post(sessionId, `[[script ${JSON.stringify(script)}]]`);
  expect(await untilEnd(watch, turn_id)).toMatchObject({ status: "complete" });
  const message = (await user.rest.messages(sessionId)).messages.at(-1);
  const marks = message?.citations?.map(({ start, end, ...rest }: Citation) => [
    message.content.slice(start, end),
    rest,
  ]);
  return { id: message?.id as string, citations: message?.citations, marks };
}

const TEXT = [
  "`value3` is set in `src/a.ts:3`.",
  "It is 50 in src/a.ts:4 (`value50 = 50`).",
  "😀 There is more in src/a.ts#L30-L31.",
  "And nothing in src/a.ts:99, src/b.ts:1 and conf/.env:1, nor in http://localhost:80/x.ts:1.",
].join("\n\n");

test("an answer has a citation of each level, live and after a reload, in a frame before the end of the turn", async () => {
  const session = await newSession();
  const { marks } = await answer(session, TEXT, view(1, 10));
  expect(marks).toEqual([
    ["src/a.ts:3", { path: "src/a.ts", first: 3, last: 3, level: "shown" }],
    ["src/a.ts:4", { path: "src/a.ts", first: 4, last: 4, level: "moved", moved_to: { first: 50, last: 50 } }],
    ["src/a.ts#L30-L31", { path: "src/a.ts", first: 30, last: 31, level: "exists" }],
    ["src/a.ts:99", { path: "src/a.ts", first: 99, last: 99, level: "none" }],
    ["src/b.ts:1", { path: "src/b.ts", first: 1, last: 1, level: "none" }],
    ["conf/.env:1", { path: "conf/.env", first: 1, last: 1, level: "none" }],
  ]);
  const { frames } = session.watch;
  expect(frames.slice(-3).map(({ type }) => type)).toEqual(["message_complete", "citations", "turn_finished"]);
  const fold = createFold(null);
  for (const frame of frames) fold.apply(frame);
  expect(fold.texts).toEqual(foldOf(await user.rest.messages(session.sessionId)));
  await session.watch.close();
});

test("lines that an earlier turn has read are shown, and can be read as the model saw them after the file has changed", async () => {
  const session = await newSession();
  await answer(session, "Read.", view(20, 22));
  writeFileSync(join(folder, "src", "a.ts"), ["// a new line", ...LINES].join("\n"));
  const { marks, id } = await answer(session, "`value21` was in src/a.ts:21-23, now `value30` is in src/a.ts:31");
  expect(marks).toEqual([
    ["src/a.ts:21-23", { path: "src/a.ts", first: 21, last: 23, level: "exists" }],
    ["src/a.ts:31", { path: "src/a.ts", first: 31, last: 31, level: "exists" }],
  ]);
  const client = clientOf(system, user);
  const cited = await client.getCitation(session.sessionId, id, 0);
  expect(cited).toMatchObject({
    path: "src/a.ts",
    lines: [
      { number: 21, text: LINES[20] },
      { number: 22, text: LINES[21] },
    ],
    cut: false,
  });
  // A page compares the lines by their hash.
  const readNow = () => client.getFile(session.projectId, { path: "src/a.ts", first: 21, last: 22 });
  expect(await readNow()).toMatchObject({ lines: LINES.slice(19, 21), total_lines: 61 });
  expect((await readNow()).hash).not.toBe(cited.hash);
  expect(await client.getCitation(session.sessionId, id, 1)).toMatchObject({ lines: [] });
  await expect(client.getCitation(session.sessionId, id, 2)).rejects.toMatchObject({ code: "not_found" });

  // The newest showing counts.
  const again = await answer(session, "`value21` is in src/a.ts:22.", view(20, 22));
  expect(again.marks?.map((mark: unknown[]) => (mark[1] as Citation).level)).toEqual(["shown"]);
  writeFileSync(join(folder, "src", "a.ts"), LINES.join("\n"));
  expect((await readNow()).hash).toBe(cited.hash);
  await expect(client.getFile(session.projectId, { path: "conf/.env" })).rejects.toMatchObject({
    code: "path_withheld",
  });
  expect(await client.listFolder(session.projectId, { path: "conf" })).toMatchObject({ entries: [] });
  expect(await client.findFiles(session.projectId, { q: "A.T" })).toEqual({ files: ["src/a.ts"], has_more: false });
  const [turn] = (await client.listMessages(session.sessionId)).messages;
  const ofTurn = await client.listTurnMessages(session.sessionId, turn?.turn_id as string);
  expect(ofTurn.messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "assistant"]);
  const markdown = await new Response(await client.exportSession(session.sessionId, "markdown")).text();
  expect(markdown).toContain("- `src/a.ts:22` – shown: the model read these lines");
  expect(markdown).toContain("### Call of `view_file`");
  await session.watch.close();
});

test("a fork has the citations with their lines, without its source; a share shows them to others, and the lines to none of them", async () => {
  const session = await newSession();
  const { id } = await answer(session, "`value21` is in src/a.ts:21.", view(20, 22));
  const client = clientOf(system, user);
  const lines = await client.getCitation(session.sessionId, id, 0);
  const turn_id = (await user.rest.messages(session.sessionId)).messages.at(-1)?.turn_id as string;
  const { token } = await client.createShare(session.sessionId, { turn_id });
  const fork = await client.forkSession(session.sessionId, { turn_id }, { retry: { attempts: 2 } });
  const reader = await system.addUser("grace");
  const shared = await clientOf(system, reader).readShare(token);
  expect(shared.messages.map(({ role }) => role)).toEqual(["user", "assistant", "assistant"]);
  expect(shared.messages.at(-1)?.citations).toMatchObject([{ path: "src/a.ts", first: 21, level: "shown" }]);
  expect(JSON.stringify(shared)).not.toContain(LINES[21]);
  await expect(clientOf(system, reader).getCitation(session.sessionId, id, 0)).rejects.toMatchObject({
    code: "not_found",
  });
  await client.deleteSession(session.sessionId);
  await expect(clientOf(system, reader).readShare(token)).rejects.toMatchObject({ code: "not_found" });
  const copy = (await user.rest.messages(fork.id)).messages.at(-1);
  expect(await client.getCitation(fork.id, copy?.id as string, 0)).toEqual(lines);
  // The fork goes on where its source was.
  const watch = await subscribed(watchSession(system.gateways[0]?.url as string, user.token, fork.id));
  expect((await answer({ sessionId: fork.id, watch }, "More.")).citations).toEqual([]);
  await session.watch.close();
  await watch.close();
});

test("an answer that cites nothing was checked, and one with too many citations, or one that was cut short, was not", async () => {
  const session = await newSession();
  expect((await answer(session, "Nothing.")).citations).toEqual([]);
  expect((await answer(session, "src/a.ts:1 ".repeat(501))).citations).toBeNull();
  expect((await answer(session, "src/a.ts:1 ".repeat(500))).citations).toHaveLength(500);
  const { turn_id } = await user.rest.post(
    session.sessionId,
    '[[script {"tokens":100000,"interval_ms":5,"prefix":"src/a.ts:1 "}]]',
  );
  await session.watch.until((frame) => frame.type === "delta" && frame.turn_id === turn_id);
  await clientOf(system, user).cancel(session.sessionId);
  expect(await untilEnd(session.watch, turn_id)).toMatchObject({ status: "cancelled" });
  expect((await user.rest.messages(session.sessionId)).messages.at(-1)).toMatchObject({
    role: "assistant",
    citations: null,
  });
  await session.watch.close();
});

test("an answer whose citations take too long to check is complete at once, and was not checked", async () => {
  const [worker] = system.workers;
  if (!worker) throw new Error("no worker");
  await worker.stop();
  await system.restart(worker, { CITATIONS_TIMEOUT_MS: "1" });
  const session = await newSession();
  expect((await answer(session, "`value3` is in src/a.ts:4 ".repeat(500))).citations).toBeNull();
  expect(session.watch.frames.slice(-2).map(({ type }) => type)).toEqual(["message_complete", "turn_finished"]);
  await session.watch.close();
});
