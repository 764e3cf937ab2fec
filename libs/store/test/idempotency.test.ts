import { createHash, randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import {
  forgetOldIdempotencyKeys,
  type IdempotencyKey,
  IdempotencyKeyReused,
  listMessages,
  type PostOutcome,
  postMessage,
  type RegenerateOutcome,
  regenerateAnswer,
} from "@boocode/store";
import { expect, test } from "vitest";
import { dump, newPlace, newUser, post, question, useStore } from "./fixture.ts";

const fixture = useStore({ connections: 20 });

const hash = (body: string) => createHash("sha256").update(body).digest();
const keyOf = (userId: string, body = "body"): IdempotencyKey => ({ userId, key: "k", requestHash: hash(body) });

/** The outcome of a post or a regeneration without the frames, which a repeated request does not announce. */
const withoutFrames = (answer: PostOutcome | RegenerateOutcome | undefined) =>
  answer && "changes" in answer
    ? { ...answer, changes: answer.changes.filter((change) => !("frame" in change)) }
    : answer;

test("twenty concurrent posts with one key store one message and one turn and get the same answer", async () => {
  const place = await newPlace(fixture.pool);
  const attempts = Array.from({ length: 20 }, () => postMessage(fixture.pool, question(place), keyOf(place.ownerId)));
  const answers = await Promise.all(attempts);
  for (const answer of answers) expect(withoutFrames(answer)).toEqual(withoutFrames(answers[0]));
  // Only the first one announces frames.
  expect(answers.filter((answer) => !isDeepStrictEqual(answer, withoutFrames(answer)))).toHaveLength(1);
  expect(answers[0]).toMatchObject({ kind: "posted", version: 2 });
  const [count] = await fixture.pool`
    select (select count(*) from turns where session_id = ${place.sessionId}) as turns,
      (select count(*) from messages where session_id = ${place.sessionId}) as messages`;
  expect(count).toEqual({ turns: 1, messages: 1 });
});

test("a key with another body is refused and changes nothing", async () => {
  const place = await newPlace(fixture.pool);
  await postMessage(fixture.pool, question(place), keyOf(place.ownerId));
  const before = await dump(fixture.pool);
  const other = postMessage(fixture.pool, question(place), keyOf(place.ownerId, "another body"));
  await expect(other).rejects.toThrow(IdempotencyKeyReused);
  expect(await dump(fixture.pool)).toEqual(before);
});

test("of two concurrent bodies with one key, one is stored and the other refused", async () => {
  for (let round = 0; round < 20; round++) {
    const place = await newPlace(fixture.pool);
    const both = await Promise.allSettled([
      postMessage(fixture.pool, question(place, "a"), keyOf(place.ownerId, "a")),
      postMessage(fixture.pool, question(place, "b"), keyOf(place.ownerId, "b")),
    ]);
    expect(both.map((outcome) => outcome.status).sort()).toEqual(["fulfilled", "rejected"]);
    const list = await listMessages(fixture.pool, place.ownerId, place.sessionId, { limit: 10 });
    expect(list?.messages).toHaveLength(1);
  }
});

test("two users may use the same key", async () => {
  const [mine, theirs] = [await newPlace(fixture.pool), await newPlace(fixture.pool)];
  const first = await postMessage(fixture.pool, question(mine), keyOf(mine.ownerId));
  const second = await postMessage(fixture.pool, question(theirs), keyOf(theirs.ownerId));
  expect([first.kind, second.kind]).toEqual(["posted", "posted"]);
  expect(second).not.toEqual(first);
});

test("a refusal is not remembered: the repeated request succeeds when its reason is gone", async () => {
  const place = await newPlace(fixture.pool);
  const first = await post(fixture.pool, place);
  const again = () =>
    postMessage(
      fixture.pool,
      { ...question(place), when_busy: "reject" },
      keyOf(place.ownerId),
    ) as Promise<PostOutcome>;
  expect(await again()).toEqual({ kind: "busy" });
  await fixture.pool`update turns set status = 'complete' where id = ${first.turnId}`;
  expect(await again()).toMatchObject({ kind: "posted" });
  expect(await again()).toMatchObject({ kind: "posted", message: { turn_ordinal: 2 } });
});

test("ten concurrent regenerations with one key regenerate once", async () => {
  const place = await newPlace(fixture.pool);
  const first = await post(fixture.pool, place);
  await fixture.pool`update turns set status = 'complete' where id = ${first.turnId}`;
  const regenerate = () =>
    regenerateAnswer(fixture.pool, { ...place, turnId: randomUUID() }, keyOf(place.ownerId, "again"));
  const answers = await Promise.all(Array.from({ length: 10 }, regenerate));
  for (const answer of answers) expect(withoutFrames(answer)).toEqual(withoutFrames(answers[0]));
  // Only the first one announces frames.
  expect(answers.filter((answer) => !isDeepStrictEqual(answer, withoutFrames(answer)))).toHaveLength(1);
  expect(answers[0]).toMatchObject({ kind: "regenerated", message: { turn_ordinal: 2 } });
});

test("keys are deleted after a day and not earlier", async () => {
  const userId = await newUser(fixture.pool);
  for (const [key, age] of [
    ["old", "25 hours"],
    ["young", "23 hours"],
  ] as const) {
    await fixture.pool`insert into idempotency_keys (user_id, key, request_hash, answer, created_at)
      values (${userId}, ${key}, ${hash("x")}, '{}', now() - ${age}::interval)`;
  }
  expect(await forgetOldIdempotencyKeys(fixture.pool)).toBe(1);
  const left = await fixture.pool`select key from idempotency_keys where user_id = ${userId}`;
  expect([...left]).toEqual([{ key: "young" }]);
});
