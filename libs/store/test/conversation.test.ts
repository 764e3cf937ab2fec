import { autoNameSession, endTurn, readForNaming, readTurnSetting } from "@boocode/store";
import { expect, test } from "vitest";
import { newPlace, type Place, reply, running, useStore } from "./stage.ts";

const stage = useStore();

async function answered(place: Place, content: string) {
  const { turn, messageId, questionId } = await running(stage.pool, place);
  await endTurn(stage.pool, turn, { status: "complete" }, reply(messageId, content), 5);
  return { turn, messageId, questionId };
}

test("a turn's setting is its session's and project's, until either is deleted", async () => {
  const place = await newPlace(stage.pool);
  await stage.pool`update sessions set model = 'm', system_prompt = 'be brief' where id = ${place.sessionId}`;
  expect(await readTurnSetting(stage.pool, place.sessionId)).toEqual({
    ...{ projectName: "a project", projectPath: "/tmp/code", sessionName: null, model: "m", systemPrompt: "be brief" },
  });
  await stage.pool`update projects set deleted_at = now() where id = ${place.projectId}`;
  expect(await readTurnSetting(stage.pool, place.sessionId)).toBeNull();
});

test("a session is named after its first question and answer, once, and not against a person's name", async () => {
  const place = await newPlace(stage.pool);
  expect(await readForNaming(stage.pool, place.sessionId)).toBeNull();
  const { turn, messageId } = await running(stage.pool, place);
  const error = { code: "model_error", message: "no" } as const;
  await endTurn(stage.pool, turn, { status: "failed", error }, reply(messageId, "half of it"), 5);
  expect(await readForNaming(stage.pool, place.sessionId)).toBeNull();
  await answered(place, "first");
  await answered(place, "second");
  expect(await readForNaming(stage.pool, place.sessionId)).toEqual({ model: null, question: "why?", answer: "first" });
  const named = await autoNameSession(stage.pool, place.sessionId, "Why");
  expect(named).toMatchObject({ ownerId: place.ownerId, session: { name: "Why", auto_named: true, version: 7 } });
  expect(named?.session).not.toHaveProperty("owner_id");
  expect(await readForNaming(stage.pool, place.sessionId)).toBeNull();
  expect(await autoNameSession(stage.pool, place.sessionId, "Other")).toBeNull();
});
