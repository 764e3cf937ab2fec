import { randomUUID } from "node:crypto";
import { changeSession, deleteSession, endTurn, findSession, nameSession, readForNaming } from "@boocode/store";
import { expect, test } from "vitest";
import { newPlace, type Place, reply, running, useStore } from "./fixture.ts";

const fixture = useStore();

async function answered(place: Place, content: string) {
  const { turn, messageId, questionId } = await running(fixture.pool, place);
  await endTurn(fixture.pool, turn, { end: { status: "complete" }, reply: reply(messageId, content), lastSeq: 5 });
  return { turn, messageId, questionId };
}

test("a session is named once, from its first question and answer, and keeps a name that a user gave", async () => {
  const place = await newPlace(fixture.pool);
  expect(await readForNaming(fixture.pool, place.sessionId)).toBeNull();
  const { turn, messageId } = await running(fixture.pool, place);
  const error = { code: "model_error", message: "no" } as const;
  await endTurn(fixture.pool, turn, {
    end: { status: "failed", error },
    reply: reply(messageId, "half of it"),
    lastSeq: 5,
  });
  expect(await readForNaming(fixture.pool, place.sessionId)).toBeNull();
  await answered(place, "first");
  await answered(place, "second");
  expect(await readForNaming(fixture.pool, place.sessionId)).toEqual({
    userId: place.ownerId,
    role: "user",
    model: null,
    question: "why?",
    answer: "first",
  });
  const naming = { sessionId: place.sessionId, userId: place.ownerId, usage: [] };
  const give = (name: string | null) => nameSession(fixture.pool, { ...naming, id: randomUUID(), name });
  expect(await give(null)).toBeNull();
  const named = await give("Why");
  expect(named).toMatchObject({ session: { name: "Why", auto_named: true, version: 7 } });
  expect(named?.changes).toMatchObject([
    { kind: "structure", frame: { type: "session_renamed", version: 7, name: "Why", auto_named: true } },
    { kind: "list", of: { projectId: place.projectId }, frame: { type: "session_updated", session: { name: "Why" } } },
  ]);
  expect(named?.session).not.toHaveProperty("owner_id");
  expect(await readForNaming(fixture.pool, place.sessionId)).toBeNull();
  expect(await give("Other")).toBeNull();
});

test("that a model sees no tools is recorded once for a session, with a turn's end, and a change of the model clears it", async () => {
  const place = await newPlace(fixture.pool);
  const { ownerId, sessionId } = place;
  await changeSession(fixture.pool, ownerId, sessionId, { name: "n" });
  const tell = async (model: string | null, deletes = false) => {
    const { turn, messageId } = await running(fixture.pool, place);
    if (deletes) await deleteSession(fixture.pool, ownerId, sessionId);
    const toolsIgnored = { model, reason: "template" as const };
    const gone = { status: "cancelled", reason: "session_deleted" } as const;
    const end = deletes ? gone : ({ status: "complete" } as const);
    const ended = await endTurn(fixture.pool, turn, { end, reply: reply(messageId), lastSeq: 5, toolsIgnored });
    if (typeof ended === "string") throw new Error(ended);
    return { ...ended, turn };
  };
  const listed = (frame: object) => ({ kind: "list", of: { projectId: place.projectId }, frame });
  const told = { model: "a", reason: "template" };
  const first = await tell("a");
  expect(first.changes).toMatchObject([
    { kind: "structure", frame: { type: "tools_ignored", version: 4, session_id: sessionId, tools_ignored: told } },
    listed({ type: "session_updated", session: { tools_ignored: told, version: 4 } }),
  ]);
  expect((await tell("a")).changes).toMatchObject([listed({ session: { tools_ignored: told, version: 6 } })]);
  expect((await tell(null)).changes).toMatchObject([{ frame: { tools_ignored: { model: null }, version: 9 } }, {}]);
  expect((await tell(null)).changes).toHaveLength(1);
  const { turn } = await tell(null);
  expect(turn.setting?.toolsIgnored).toEqual({ model: null, reason: "template" });
  await changeSession(fixture.pool, ownerId, sessionId, { name: "m" });
  expect(await findSession(fixture.pool, ownerId, sessionId)).toMatchObject({ tools_ignored: { model: null } });
  await changeSession(fixture.pool, ownerId, sessionId, { model: "b" });
  expect(await findSession(fixture.pool, ownerId, sessionId)).toMatchObject({ tools_ignored: null });
  expect(await tell("b", true)).toMatchObject({ changes: [] });
});
