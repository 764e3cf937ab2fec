import type { Turn } from "@boocode/contracts";
import type { ServiceProcess } from "@boocode/local-stack";
import type { ScriptInput } from "@boocode/scripted-model";
import { changeUser } from "@boocode/store";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { FASTIFY, type System, startSystem, type User } from "./harness/start-system.ts";

let system: System;
let users = 0;

beforeAll(async () => {
  system = await startSystem({ gateways: 0 });
});
afterEach(() => system.restore());
afterAll(() => system.stop());

/** Asks a question whose prompt the model counts as 50 tokens, as a new user. */
async function ask(script: ScriptInput, name: string | null = "named") {
  const user = await system.addUser(`user ${++users}`);
  const project = await user.rest.project(FASTIFY);
  const session = await user.rest.session(project.id, { model: "words", ...(name && { name }) });
  const { turn_id } = await user.rest.post(
    session.id,
    `[[script ${JSON.stringify({ prompt_tokens: 50, ...script })}]]`,
  );
  return { user, session, turnId: turn_id };
}

/** Calls, tokens of the prompts, tokens of the answers, and how many of both are estimated. */
type Counts = [calls: number, prompt: number, answer: number, estimated: number];
interface Sums {
  total: Counts;
  broken: Counts;
  naming: Counts;
}

/** What the API reports for a user; null before anything is counted. */
async function usageOf(user: User): Promise<Sums | null> {
  const { body } = await user.rest.request<{ groups: Record<keyof Sums, Record<string, number>>[] }>(
    "GET",
    "/api/usage?by=user",
  );
  const [group] = body.groups;
  const counts = ({ calls, prompt_tokens, answer_tokens, estimated_tokens }: Record<string, number>) =>
    [calls, prompt_tokens, answer_tokens, estimated_tokens] as Counts;
  return group ? { total: counts(group.total), broken: counts(group.broken), naming: counts(group.naming) } : null;
}

const NONE: Counts = [0, 0, 0, 0];
const WAIT = { timeout: 30_000 };

test("a turn's steps and its session's name count as the model server counted them", async () => {
  const title = { text: "a title", prompt_tokens: 30 };
  const { user } = await ask({ tool_depth: 1, tokens: 20, title }, null);
  const rows = () => system.sql<{ answer_tokens: number }[]>`select answer_tokens from usage where kind = 'naming'`;
  await expect.poll(rows, WAIT).toHaveLength(1);
  const [named] = (await rows()) as unknown as [{ answer_tokens: number }];
  // The scripted model counts ten tokens for a call, and one for each token that it sends.
  const naming: Counts = [1, 30, named.answer_tokens, 0];
  await expect
    .poll(() => usageOf(user), WAIT)
    .toEqual({ total: [3, 130, 30 + named.answer_tokens, 0], broken: NONE, naming });
  expect(named.answer_tokens).toBeGreaterThan(0);
});

test("a reply that was cut counts as broken, beside the one that replaced it", async () => {
  const { user } = await ask({ tokens: 20, end_after_tokens: 10, fail_first: 1, usage: "each" });
  await expect
    .poll(() => usageOf(user), WAIT)
    .toEqual({ total: [2, 100, 30, 0], broken: [1, 50, 10, 0], naming: NONE });
});

test("a reply that was cancelled counts as broken", async () => {
  const { user, session } = await ask({ tokens: 20, gate: { name: "cancelled", at: 10 }, usage: "each" });
  await system.model.reached("cancelled");
  await expect
    .poll(
      () => system.sql`select from messages where session_id = ${session.id} and content <> '' and role = 'assistant'`,
      WAIT,
    )
    .toHaveLength(1);
  await user.rest.cancel(session.id);
  await expect.poll(() => usageOf(user), WAIT).toEqual({ total: [1, 50, 10, 0], broken: [1, 50, 10, 0], naming: NONE });
  system.model.release("cancelled");
});

test("what a killed worker used is estimated once, from the text that it had saved", async () => {
  const { user, session, turnId } = await ask({ tokens: 20, gate: { name: "dead", at: 10 } });
  const draft = () => system.sql<{ length: number; prompt: number }[]>`
    select length(content) as length, (context->>'prompt_estimate')::int as prompt from messages
    where session_id = ${session.id} and role = 'assistant' and content <> ''`;
  await expect.poll(draft, WAIT).toHaveLength(1);
  await (system.workers[0] as ServiceProcess).stop("SIGKILL");
  const [{ length, prompt }] = (await draft()) as unknown as [{ length: number; prompt: number }];
  system.model.release("dead");
  await system.restart(system.workers[0] as ServiceProcess);
  const answer = Math.ceil(length / 3.6);
  await expect
    .poll(() => usageOf(user), WAIT)
    .toEqual({
      ...{ total: [2, 50 + prompt, 20 + answer, prompt + answer], broken: [1, prompt, answer, prompt + answer] },
      naming: NONE,
    });
  const [turn] = await system.sql`select status, attempt, crashes from turns where id = ${turnId}`;
  expect(turn).toEqual({ status: "complete", attempt: 2, crashes: 1 });
});

test("a limit of the day that is lowered while a turn runs ends it before its next step", async () => {
  const user = await system.addUser(`user ${++users}`);
  const project = await user.rest.project(FASTIFY);
  const session = await user.rest.session(project.id, { model: "words", name: "named" });
  const script = { prompt_tokens: 50, tool_depth: 4, tokens: 20, gate: "lowered" };
  const { turn_id } = await user.rest.post(session.id, `[[script ${JSON.stringify(script)}]]`);
  await system.model.reached("lowered");
  await changeUser(system.sql, "operator", user.id, { limits: { tokens_per_day: 1 } });
  system.model.release("lowered");
  const turn = async () => (await user.rest.request<Turn>("GET", `/api/sessions/${session.id}/turns/${turn_id}`)).body;
  await expect.poll(async () => (await turn()).status, WAIT).toBe("failed");
  expect((await turn()).error).toMatchObject({ code: "quota_exceeded" });
  expect((await usageOf(user))?.total[0]).toBe(1);
});

test("a turn whose user reaches a limit of the day ends before its next step, and the next post is refused", async () => {
  const user = await system.addUser(`user ${++users}`);
  await changeUser(system.sql, "operator", user.id, { limits: { tokens_per_day: 100 } });
  const project = await user.rest.project(FASTIFY);
  const session = await user.rest.session(project.id, { model: "words", name: "named" });
  const question = `[[script ${JSON.stringify({ prompt_tokens: 50, tool_depth: 4, tokens: 20 })}]]`;
  const { turn_id } = await user.rest.post(session.id, question);
  const turn = async () => (await user.rest.request<Turn>("GET", `/api/sessions/${session.id}/turns/${turn_id}`)).body;
  await expect.poll(async () => (await turn()).status, WAIT).toBe("failed");
  expect((await turn()).error).toMatchObject({ code: "quota_exceeded", message: expect.stringContaining("0:00 UTC") });
  // Two steps of 60 tokens; the third would have been one too many.
  expect((await usageOf(user))?.total).toEqual([2, 100, 20, 0]);
  const refused = await user.rest.request("POST", `/api/sessions/${session.id}/messages`, { content: "why?" });
  expect([refused.status, refused.body]).toEqual([
    ...[429, { error: expect.objectContaining({ code: "quota_exceeded" }) }],
  ]);
});
