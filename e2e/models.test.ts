import type { Message, Session, SessionFrame } from "@boocode/contracts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createFold, foldOf } from "./harness/fold.ts";
import { FASTIFY, ONLY_PUBLISHED, type System, startSystem, type User } from "./harness/start-system.ts";
import { type TurnEnd, untilEnd } from "./harness/turn-end.ts";
import { subscribed, type Watch, watchSession } from "./harness/watch.ts";

let system: System;
let user: User;

beforeAll(async () => {
  system = await startSystem({
    env: { ...ONLY_PUBLISHED, MODEL_SILENCE_NOTICE_MS: "200", MODEL_RETRY_BUDGET_MS: "4000" },
    model: { scripts: { tiny: { window: 3_000 }, small: { window: 4_000, tokens: 3 } } },
  });
  user = await system.addUser("ada");
});
afterAll(() => system.stop());

interface Talk {
  session: Session;
  watch: Watch<SessionFrame>;
  /** @returns the turn's id */
  ask(script: object, words?: string): Promise<string>;
  ended(turnId: string): Promise<TurnEnd>;
  frames<T extends SessionFrame["type"]>(type: T): Extract<SessionFrame, { type: T }>[];
  last(): Promise<Message>;
}

async function talk(model = "words"): Promise<Talk> {
  const project = await user.rest.project(FASTIFY);
  const session = await user.rest.session(project.id, { name: "named", model });
  const watch = await subscribed(
    watchSession(system.gateways[0]?.url as string, user.token, session.id, "?cursor=0.0.0.0"),
  );
  return {
    session,
    watch,
    ask: async (script, words = "") =>
      (await user.rest.post(session.id, `${words}[[script ${JSON.stringify(script)}]]`)).turn_id,
    ended: (turnId) => untilEnd(watch, turnId),
    frames: (type) => watch.frames.filter((frame) => frame.type === type) as never,
    last: async () => (await user.rest.messages(session.id)).messages.at(-1) as Message,
  };
}

const requestsOf = (key: string) => system.model.requests().filter((request) => request.key === key);
const LOADING = { error: { code: 503, message: "Loading model", type: "unavailable_error" } };
const TOO_LONG = {
  error: { type: "exceed_context_size_error", message: "too long", n_prompt_tokens: 9_000, n_ctx: 8_192 },
};
/** The script of a turn with a large tool output. */
const READS = { tokens: 3, tool_depth: 1, tool: { name: "view_file", arguments: { path: "fastify.js" } } };

test("a loading model is waited for, and subscribers are notified", async () => {
  const { session, ask, ended, frames, watch } = await talk();
  const turn = await ask({ tokens: 3, status: 503, body: LOADING, fail_first: 2, key: session.id });
  expect(await ended(turn)).toMatchObject({ status: "complete" });
  expect(requestsOf(session.id)).toHaveLength(3);
  expect(frames("model_loading").filter(({ cause }) => cause === "refused")).toHaveLength(1);
  expect(frames("turn_waiting").map(({ reason }) => reason)).toEqual(["loading", "loading"]);
  await watch.close();
});

test("a proxy's loading messages are reported as loading, not as reasoning", async () => {
  const { ask, ended, frames, last, watch } = await talk();
  await ended(await ask({ tokens: 3, quirks: { loading_chatter: true } }));
  expect(frames("model_loading").filter(({ cause }) => cause === "told")).toHaveLength(1);
  expect(await last()).toMatchObject({ status: "complete", reasoning: null });
  await watch.close();
});

test("Retry-After is respected, and nothing is sent earlier", async () => {
  const { session, ask, ended, frames, watch } = await talk();
  const limited = { status: 429, headers: { "retry-after-ms": "700" }, fail_first: 1, key: session.id };
  expect(await ended(await ask({ tokens: 1, ...limited }))).toMatchObject({ status: "complete" });
  const [first, second] = requestsOf(session.id);
  expect((second?.at ?? 0) - (first?.endedAt ?? 0)).toBeGreaterThanOrEqual(700);
  const [waiting] = frames("turn_waiting");
  expect(waiting).toMatchObject({ reason: "busy" });
  expect(waiting?.retry_in_ms).toBeGreaterThanOrEqual(700);
  await watch.close();
});

test("a tool call that its server could not read is asked for again at once, at last without tools, then the turn fails", async () => {
  const { session, ask, ended, last, watch } = await talk();
  const message = "The model produced output that does not match the expected peg-native format";
  const fault = { status: 500, body: { error: { code: 500, message, type: "server_error" } } };
  const begun = performance.now();
  const passing = { tokens: 2, ...fault, fail_first: 3, key: `${session.id} passing` };
  expect(await ended(await ask(passing))).toMatchObject({ status: "complete" });
  expect(requestsOf(passing.key).map(({ toolChoice }) => toolChoice)).toEqual(["auto", "auto", "auto", "none"]);
  expect(await ended(await ask({ ...fault, key: session.id }))).toMatchObject({ status: "failed" });
  expect(requestsOf(session.id)).toHaveLength(4);
  expect(await last()).toMatchObject({ error: { code: "model_malformed_call", message: `HTTP 500: ${message}` } });
  // Treated as an overload, it took half a minute.
  expect(performance.now() - begun).toBeLessThan(10_000);
  await watch.close();
});

test("a cancel ends the turn at once while a model loads, during a back-off, and while the server is silent", async () => {
  const { session, ask, ended, frames, watch } = await talk();
  const paused = await ask({ status: 503, body: LOADING, headers: { "retry-after": "300" }, key: session.id });
  await watch.until((frame) => frame.type === "turn_waiting");
  await user.rest.cancel(session.id);
  expect(await ended(paused)).toMatchObject({ status: "cancelled", cancel_reason: "user" });
  expect(requestsOf(session.id)).toHaveLength(1);

  const silent = await ask({ stall: "headers", key: `${session.id} silent` });
  await watch.until((frame) => frame.type === "model_loading" && frame.turn_id === silent);
  expect(frames("model_loading").at(-1)).toMatchObject({ cause: "silence" });
  await user.rest.cancel(session.id);
  expect(await ended(silent)).toMatchObject({ status: "cancelled" });
  const request = await system.model.until(({ key, ending }) => key === `${session.id} silent` && ending !== null);
  expect(request.ending).toBe("disconnected");
  await watch.close();
});

test("a request that is too long is fitted to the window that the server reports, and sent once more", async () => {
  const { session, ask, ended, frames, last, watch } = await talk("small");
  await ended(await ask(READS));
  const turn = await ask({ tokens: 3, window: 4_000, key: session.id });
  expect(await ended(turn)).toMatchObject({ status: "complete" });
  const [refused, taken] = requestsOf(session.id).map(({ body }) => JSON.stringify(body));
  expect(requestsOf(session.id)).toHaveLength(2);
  expect(taken?.length).toBeLessThan((refused?.length ?? 0) / 2);
  expect(taken).toContain(
    '[output left out to save room: call view_file {\\\\"path\\\\":\\\\"fastify.js\\\\"} again]'.replaceAll(
      "\\\\",
      "\\",
    ),
  );
  const [fitted] = frames("context_fitted");
  expect(fitted?.context).toMatchObject({ window: 4_000, window_known: true, turns_dropped: 0, outputs_elided: 1 });
  expect((await last()).context).toEqual(fitted?.context);

  // The learned window stays: the next request to this model is fitted before it is sent, and begins like the previous one.
  const next = await ask({ tokens: 3, window: 4_000, key: `${session.id} next` });
  expect(await ended(next)).toMatchObject({ status: "complete" });
  const [again] = requestsOf(`${session.id} next`).map(({ body }) => (body as { messages: unknown[] }).messages);
  expect(requestsOf(`${session.id} next`)).toHaveLength(1);
  const before = (JSON.parse(taken as string) as { messages: unknown[] }).messages;
  expect(again?.slice(0, before.length)).toEqual(before);
  const told = frames("context_fitted").at(-1);
  expect(told).toMatchObject({ turn_id: next, context: { window: 4_000, outputs_elided: 1 } });
  expect((await last()).context).toEqual(told?.context);
  await watch.close();
});

test("the turn fails with a typed error after two requests when the server rejects the smaller one too", async () => {
  const { session, ask, ended, last, watch } = await talk();
  await ended(await ask(READS));
  const turn = await ask({ status: 400, body: TOO_LONG, key: session.id });
  expect(await ended(turn)).toMatchObject({ status: "failed" });
  expect(requestsOf(session.id)).toHaveLength(2);
  expect(await last()).toMatchObject({ status: "failed", error: { code: "context_overflow" } });
  await watch.close();
});

test("a question that cannot fit is not sent again", async () => {
  const { session, watch, ended, last } = await talk("tiny");
  const { turn_id } = await user.rest.post(session.id, "long ".repeat(8_000));
  expect(await ended(turn_id)).toMatchObject({ status: "failed" });
  expect(system.model.requests().filter(({ model }) => model === "tiny")).toHaveLength(1);
  expect(await last()).toMatchObject({ error: { code: "context_overflow", message: expect.stringContaining("3000") } });
  await watch.close();
});

test("a server that silently drops part of the prompt is reported in a frame, the log and the message", async () => {
  const { session, ask, ended, frames, last, watch } = await talk();
  await ended(await ask(READS));
  expect(await ended(await ask({ tokens: 2, prompt_tokens: 300 }))).toMatchObject({ status: "complete" });
  expect(frames("context_fitted").at(-1)?.context).toMatchObject({ truncated_by_server: true, outputs_elided: 0 });
  expect((await last()).context?.truncated_by_server).toBe(true);
  expect(system.lines.filter((line) => line.includes("left out a part") && line.includes(session.id))).toHaveLength(1);
  await watch.close();
});

test.each([{ end_after_tokens: 5 }, { cut_after_tokens: 5 }])(
  "an answer that is cut after words were seen (%o) is replaced by that of another attempt",
  async (cut) => {
    const { session, ask, ended, frames, watch } = await talk();
    const turn = await ask({ tokens: 10, interval_ms: 20, mark: "attempt", fail_first: 1, key: session.id, ...cut });
    expect(await ended(turn)).toMatchObject({ status: "complete", attempt: 2 });
    expect(frames("delta").some((frame) => frame.attempt === 1 && frame.content.includes("1:"))).toBe(true);
    expect(frames("turn_waiting")).toMatchObject([{ reason: "cut", attempt: 1 }]);

    const loaded = await user.rest.messages(session.id);
    const words = (loaded.messages.at(-1)?.content ?? "").split(" ");
    expect(words).toEqual(Array.from({ length: 10 }, (_, index) => `2:${index}`));
    const fold = createFold(null);
    for (const frame of watch.frames) fold.apply(frame);
    expect(fold.texts).toEqual(foldOf(loaded));
    await watch.close();
  },
);

test("a turn fails when the answer of every attempt is cut", async () => {
  const { session, ask, ended, last, watch } = await talk();
  const turn = await ask({ tokens: 10, end_after_tokens: 2, mark: "attempt", key: session.id });
  expect(await ended(turn)).toMatchObject({ status: "failed", attempt: 4 });
  expect(requestsOf(session.id)).toHaveLength(4);
  expect(await last()).toMatchObject({ content: "4:0 4:1", error: { code: "model_cut" } });
  const [row] = await system.sql`select attempt, crashes, cuts from turns where id = ${turn}`;
  expect(row).toEqual({ attempt: 4, crashes: 0, cuts: 3 });
  await watch.close();
});
