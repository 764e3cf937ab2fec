import { autoNameSession, endTurn, readForNaming } from "@boocode/store";
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
    model: null,
    question: "why?",
    answer: "first",
  });
  const named = await autoNameSession(fixture.pool, place.sessionId, "Why");
  expect(named).toMatchObject({ session: { name: "Why", auto_named: true, version: 7 } });
  expect(named?.changes).toMatchObject([
    { kind: "structure", frame: { type: "session_renamed", version: 7, name: "Why", auto_named: true } },
    { kind: "list", ownerId: place.ownerId, frame: { type: "session_updated", session: { name: "Why" } } },
  ]);
  expect(named?.session).not.toHaveProperty("owner_id");
  expect(await readForNaming(fixture.pool, place.sessionId)).toBeNull();
  expect(await autoNameSession(fixture.pool, place.sessionId, "Other")).toBeNull();
});
