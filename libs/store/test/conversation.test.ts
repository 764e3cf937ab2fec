import {
  autoNameSession,
  changeSession,
  deleteSession,
  endTurn,
  findSession,
  readForNaming,
  recordToolsIgnored,
} from "@boocode/store";
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
  const named = await autoNameSession(fixture.pool, place.sessionId, "Why");
  expect(named).toMatchObject({ session: { name: "Why", auto_named: true, version: 7 } });
  expect(named?.changes).toMatchObject([
    { kind: "structure", frame: { type: "session_renamed", version: 7, name: "Why", auto_named: true } },
    { kind: "list", of: { projectId: place.projectId }, frame: { type: "session_updated", session: { name: "Why" } } },
  ]);
  expect(named?.session).not.toHaveProperty("owner_id");
  expect(await readForNaming(fixture.pool, place.sessionId)).toBeNull();
  expect(await autoNameSession(fixture.pool, place.sessionId, "Other")).toBeNull();
});

test("a session is told once of each model that sees no tools, and a change of the model clears it", async () => {
  const place = await newPlace(fixture.pool);
  const { ownerId, sessionId } = place;
  const tell = (model: string | null) =>
    recordToolsIgnored(fixture.pool, sessionId, { model, reason: "template" as const });
  const told = { model: "a", reason: "template" };
  const first = await tell("a");
  expect(first?.changes).toMatchObject([
    { kind: "structure", frame: { type: "tools_ignored", version: 1, session_id: sessionId, tools_ignored: told } },
    {
      kind: "list",
      of: { projectId: place.projectId },
      frame: { type: "session_updated", session: { tools_ignored: told } },
    },
  ]);
  expect(await tell("a")).toBeNull();
  expect(await tell(null)).toMatchObject({ session: { tools_ignored: { model: null }, version: 2 } });
  expect(await tell(null)).toBeNull();
  const { turn } = await running(fixture.pool, place);
  expect(turn.setting?.toolsIgnored).toEqual({ model: null, reason: "template" });
  await changeSession(fixture.pool, ownerId, sessionId, { name: "n" });
  expect(await findSession(fixture.pool, ownerId, sessionId)).toMatchObject({ tools_ignored: { model: null } });
  await changeSession(fixture.pool, ownerId, sessionId, { model: "b" });
  expect(await findSession(fixture.pool, ownerId, sessionId)).toMatchObject({ tools_ignored: null });
  await deleteSession(fixture.pool, ownerId, sessionId);
  expect(await tell("b")).toBeNull();
});
