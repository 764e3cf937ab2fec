import type { Session, SessionFrame } from "@boocode/contracts";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createFold, foldOf } from "./harness/fold.ts";
import { FASTIFY, type System, startSystem, type User } from "./harness/start-system.ts";
import { isEndOf, turnEnd, untilEnd } from "./harness/turn-end.ts";
import { subscribed, watchSession } from "./harness/watch.ts";

let system: System;
let user: User;
let gateway: string;
let projectId: string;

beforeAll(async () => {
  system = await startSystem({ workers: 2 });
  user = await system.addUser("ada");
  gateway = system.gateways[0]?.url as string;
  projectId = (await user.rest.project(FASTIFY)).id;
});
afterAll(() => system.stop());

const newSession = (): Promise<Session> => user.rest.session(projectId, { name: "named", model: "words" });
const hasText = (frame: SessionFrame) => frame.type === "delta";

test("a client that loads by REST and follows from its cursor misses nothing, at any point of a stream", async () => {
  const session = await newSession();
  const first = watchSession(gateway, user.token, session.id, "?cursor=0.0.0.0");
  const turn = await user.rest.post(session.id, '[[script {"tokens":60,"interval_ms":15}]]');
  await first.until(hasText);
  const late = [];
  // Eight clients join while the text streams, each at a different moment.
  for (let i = 0; i < 8; i++) {
    const loaded = await user.rest.messages(session.id);
    const watch = watchSession(gateway, user.token, session.id, `?cursor=${loaded.cursor}`);
    late.push({ fold: createFold(loaded), watch });
    const seen = first.frames.length;
    await first.until((frame) => frame === first.frames[seen + 3] || turnEnd(frame) !== null);
  }
  await untilEnd(first, turn.turn_id);
  const truth = foldOf(await user.rest.messages(session.id));
  for (const { fold, watch } of late) {
    if (fold.texts.size < 2 || [...fold.texts.values()].some((text) => text.status === "streaming")) {
      await untilEnd(watch, turn.turn_id);
    }
    for (const frame of watch.frames) fold.apply(frame);
    expect(fold.texts).toEqual(truth);
    await watch.close();
  }
  await first.close();
});

test("a client without a cursor gets a snapshot of the running turn and every frame after it", async () => {
  const session = await newSession();
  const first = watchSession(gateway, user.token, session.id, "?cursor=0.0.0.0");
  const turn = await user.rest.post(session.id, '[[script {"tokens":40,"gate":{"name":"half","at":20}}]]');
  await system.model.reached("half");
  const watch = watchSession(gateway, user.token, session.id);
  await watch.until((frame) => frame.type === "snapshot");
  system.model.release("half");
  await untilEnd(watch, turn.turn_id);
  const fold = createFold(null);
  for (const frame of watch.frames) fold.apply(frame);
  const truth = foldOf(await user.rest.messages(session.id));
  for (const [id, text] of fold.texts) expect(text).toEqual(truth.get(id));
  expect(watch.frames.slice(0, 2).map((frame) => frame.type)).toEqual(["subscribed", "snapshot"]);
  await Promise.all([watch.close(), first.close()]);
});

test("joining, leaving and rejoining at random moments never shows a gap or a duplicate", {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 0, max: 12 }),
      fc.constantFrom(0, 1),
      async (stays, pace, depth) => {
        const session = await newSession();
        const script = { tokens: 40, interval_ms: pace, tool_depth: depth, tool: { name: "list_dir", arguments: {} } };
        const fold = createFold(await user.rest.messages(session.id));
        const turn = await user.rest.post(session.id, `[[script ${JSON.stringify(script)}]]`);
        let ended = false;
        for (const frames of [...stays, Number.POSITIVE_INFINITY]) {
          const { epoch, seq } = fold.cursor;
          const cursor = `${epoch.ordinal}.${epoch.attempt}.${epoch.nonce}.${seq}`;
          const watch = await subscribed(watchSession(gateway, user.token, session.id, `?cursor=${cursor}`));
          if (!ended) await watch.until((frame) => watch.frames.length > frames + 1 || isEndOf(turn.turn_id)(frame));
          await watch.close();
          for (const frame of watch.frames) {
            fold.apply(frame);
            ended ||= isEndOf(turn.turn_id)(frame);
          }
        }
        const loaded = await user.rest.messages(session.id);
        const truth = foldOf(loaded);
        // The question was posted before this client loaded; the session's version covers it.
        const question = loaded.messages[0]?.id as string;
        truth.delete(question);
        fold.texts.delete(question);
        expect(fold.texts).toEqual(truth);
      },
    ),
    { numRuns: 15, seed: Number(process.env.FC_SEED ?? Date.now() % 1_000_000) },
  );
});

test("a thousand frames later, a cursor from the middle yields the rest in a few merged frames", async () => {
  const session = await newSession();
  const first = await subscribed(watchSession(gateway, user.token, session.id, "?cursor=0.0.0.0"));
  const turn = await user.rest.post(session.id, '[[script {"tokens":300,"interval_ms":1}]]');
  await untilEnd(first, turn.turn_id);
  const middle = first.frames.filter((frame) => frame.type === "delta").at(5) as { cursor: string };
  const late = watchSession(gateway, user.token, session.id, `?cursor=${middle.cursor}`);
  await untilEnd(late, turn.turn_id);
  const fold = createFold(null);
  for (const frame of first.frames) {
    fold.apply(frame);
    if ("cursor" in frame && frame.cursor === middle.cursor) break;
  }
  for (const frame of late.frames) fold.apply(frame);
  expect(fold.texts).toEqual(foldOf(await user.rest.messages(session.id)));
  expect(late.frames.length).toBeLessThan(8);
  await Promise.all([late.close(), first.close()]);
});
