import { randomUUID } from "node:crypto";
import { findProject, findSession, listMessages, postMessage } from "@boocode/store";
import { expect, test } from "vitest";
import { cancelled, claim, dump, frames, newPlace, newUser, post, question, turnRow, useStore } from "./fixture.ts";

const fixture = useStore();

test("a post stores the message and a queued turn, and updates session and project", async () => {
  const place = await newPlace(fixture.pool);
  const posted = await post(fixture.pool, place, "where is main?");
  const asked = { id: posted.message.id, role: "user", content: "where is main?", turn_ordinal: 1, position: 0 };
  expect(posted).toMatchObject({
    kind: "posted",
    version: 2,
    message: { session_id: place.sessionId, turn_ordinal: 1 },
  });
  expect(posted.changes).toMatchObject([
    { kind: "structure", frame: { type: "message_posted", version: 1, message: asked } },
    { kind: "structure", frame: { type: "turn_queued", version: 2, turn_id: posted.turnId, ordinal: 1, ahead: 0 } },
    { kind: "turn_due", turnId: posted.turnId, liveTurnsOfUser: 1 },
    {
      kind: "list",
      of: { projectId: place.projectId },
      frame: { type: "session_updated", session: { busy: true, version: 2 } },
    },
  ]);
  expect(await turnRow(fixture.pool, posted.turnId)).toMatchObject({ status: "queued", attempt: 0 });
  expect(await findSession(fixture.pool, place.ownerId, place.sessionId)).toMatchObject({ busy: true, version: 2 });
  const project = await findProject(fixture.pool, place.ownerId, place.projectId);
  expect(project?.last_session_id).toBe(place.sessionId);
});

test("concurrent posts to one session get distinct, dense ordinals and versions", async () => {
  const place = await newPlace(fixture.pool);
  for (let round = 0; round < 50; round++) {
    const both = await Promise.all([post(fixture.pool, place, "a"), post(fixture.pool, place, "b")]);
    const ordinals = both.map((posted) => posted.message.turn_ordinal).sort((a, b) => a - b);
    const versions = both.map((posted) => posted.version).sort((a, b) => a - b);
    expect(ordinals).toEqual([2 * round + 1, 2 * round + 2]);
    expect(versions).toEqual([4 * round + 2, 4 * round + 4]);
  }
  const list = await listMessages(fixture.pool, place.ownerId, place.sessionId, { limit: 500 });
  expect(list?.messages.map((message) => message.turn_ordinal)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
  expect(list?.version).toBe(200);
});

test("a post to a busy session is queued and states how many turns are ahead", async () => {
  const place = await newPlace(fixture.pool);
  const first = await post(fixture.pool, place);
  await claim(fixture.pool, first.turnId);
  for (const [ahead, liveTurnsOfUser] of [
    [1, 2],
    [2, 3],
  ]) {
    const queued = [{ frame: { type: "turn_queued", ahead } }, { kind: "turn_due", liveTurnsOfUser }];
    expect((await post(fixture.pool, place)).changes.slice(1, 3)).toMatchObject(queued);
  }
  expect(await turnRow(fixture.pool, first.turnId)).toMatchObject({ status: "running" });
});

test("`reject` refuses a post while a turn waits or runs, and accepts it when the session is idle", async () => {
  const place = await newPlace(fixture.pool);
  const first = await post(fixture.pool, place);
  const before = await dump(fixture.pool);
  const rejecting = { ...question(place), when_busy: "reject" as const };
  expect(await postMessage(fixture.pool, rejecting, null)).toEqual({ kind: "busy" });
  expect(await dump(fixture.pool)).toEqual(before);
  await claim(fixture.pool, first.turnId);
  expect(await postMessage(fixture.pool, rejecting, null)).toEqual({ kind: "busy" });
  await fixture.pool`update turns set status = 'complete' where id = ${first.turnId}`;
  expect(await postMessage(fixture.pool, rejecting, null)).toMatchObject({
    kind: "posted",
    changes: [{}, { frame: { ahead: 0 } }, {}, {}],
  });
});

test("`interrupt` cancels the running turn, withdraws the waiting ones, and gives each frame a version", async () => {
  const place = await newPlace(fixture.pool);
  const [running, waiting, second] = [
    await post(fixture.pool, place),
    await post(fixture.pool, place),
    await post(fixture.pool, place),
  ];
  await claim(fixture.pool, running.turnId);
  const outcome = await postMessage(fixture.pool, { ...question(place), when_busy: "interrupt" }, null);
  if (outcome.kind !== "posted") throw new Error(outcome.kind);
  expect(cancelled(outcome).cancelling).toEqual([running.turnId]);
  expect(cancelled(outcome).withdrawn.sort()).toEqual([waiting.turnId, second.turnId].sort());
  expect(frames(outcome).map((frame) => [frame.type, frame.version - second.version])).toEqual([
    ["turn_withdrawn", 1],
    ["turn_withdrawn", 2],
    ["message_posted", 3],
    ["turn_queued", 4],
  ]);
  expect(frames(outcome).at(-1)).toMatchObject({ ahead: 1 });
  expect(outcome).toMatchObject({ version: second.version + 4 });
  expect(await turnRow(fixture.pool, running.turnId)).toMatchObject({ status: "cancelling" });
  expect(await turnRow(fixture.pool, waiting.turnId)).toMatchObject({ status: "cancelled" });
});

test("a post to another user's, an unknown or a deleted session is refused and changes nothing", async () => {
  const place = await newPlace(fixture.pool);
  const stranger = await newUser(fixture.pool);
  const before = await dump(fixture.pool);
  for (const wrong of [{ ownerId: stranger }, { sessionId: randomUUID() }]) {
    expect(await postMessage(fixture.pool, { ...question(place), ...wrong }, null)).toEqual({ kind: "not_found" });
  }
  expect(await dump(fixture.pool)).toEqual(before);
  await fixture.pool`update sessions set deleted_at = now() where id = ${place.sessionId}`;
  expect(await postMessage(fixture.pool, question(place), null)).toEqual({ kind: "not_found" });
});
