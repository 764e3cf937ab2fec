import { randomUUID } from "node:crypto";
import { commitStep, releaseTurn, saveDrafts, saveToolCalls, startMessage } from "@boocode/store";
import { expect, test } from "vitest";
import { claim, committedOf, dump, messageRow, newPlace, reply, running, turnRow, used, useStore } from "./fixture.ts";
import { toolMessage } from "./older-attempts.ts";

const fixture = useStore();

const call = { id: "c", name: "grep", arguments: { pattern: "main" } };

test("a started message is streaming and empty and has the seq of its frame", async () => {
  const { turn, messageId } = await running(fixture.pool, await newPlace(fixture.pool));
  expect(await messageRow(fixture.pool, messageId)).toMatchObject({ content: "", status: "streaming", last_seq: 2 });
  expect(await turnRow(fixture.pool, turn.id)).toMatchObject({ last_seq: 2 });
});

test("a later attempt reuses the id of the message that an earlier attempt left streaming", async () => {
  const { turn, messageId } = await running(fixture.pool, await newPlace(fixture.pool));
  await releaseTurn(fixture.pool, turn);
  const again = await claim(fixture.pool, turn.id);
  const message = { id: messageId, position: 1, step: 0, model: "m2", lastSeq: 2 };
  expect(await startMessage(fixture.pool, again, message)).not.toBeNull();
  const rows =
    await fixture.pool`select id, model, position from messages where turn_id = ${turn.id} and role <> 'user'`;
  expect([...rows]).toEqual([{ id: messageId, model: "m2", position: 1 }]);
});

test("tool calls are stored with text and seq while the message streams", async () => {
  const { turn, messageId } = await running(fixture.pool, await newPlace(fixture.pool));
  const called = { ...reply(messageId, "let me look"), reasoning: "hm", toolCalls: [call] };
  expect(await saveToolCalls(fixture.pool, turn, { reply: called, lastSeq: 7 })).toBe(true);
  const [row] = await fixture.pool`select content, reasoning, tool_calls, status from messages where id = ${messageId}`;
  expect(row).toEqual({ content: "let me look", reasoning: "hm", tool_calls: [call], status: "streaming" });
  expect(await turnRow(fixture.pool, turn.id)).toMatchObject({ last_seq: 7 });
});

test("a step is committed with its results at their positions, and committing it again changes nothing", async () => {
  const { turn, messageId, questionId } = await running(fixture.pool, await newPlace(fixture.pool));
  const tools = [toolMessage(2), toolMessage(3)];
  const step = { ...reply(messageId, "let me look"), toolCalls: [call] };
  expect(await commitStep(fixture.pool, turn, { reply: step, step: 0, tools, lastSeq: 9 })).not.toBeNull();
  const committed = await dump(fixture.pool);
  expect(await commitStep(fixture.pool, turn, { reply: step, step: 0, tools, lastSeq: 9 })).not.toBeNull();
  expect(await dump(fixture.pool)).toEqual(committed);
  const messages = await committedOf(fixture.pool, turn.id);
  expect(messages.map((message) => message.id)).toEqual([questionId, messageId, tools[0]?.id, tools[1]?.id]);
  expect(messages[1]).toMatchObject({
    status: "complete",
    tool_calls: [call],
    tokens_used: 3,
    ctx_used: 4,
    ctx_max: 5,
  });
  expect(messages[3]).toMatchObject({ role: "tool", content: "found", tool_result: tools[1]?.result, position: 3 });
});

test("a late duplicate of an earlier write changes nothing, neither the texts nor the usage", async () => {
  const { turn, messageId } = await running(fixture.pool, await newPlace(fixture.pool));
  const write = (content: string, lastSeq: number) =>
    saveToolCalls(fixture.pool, turn, {
      ...{ reply: { ...reply(messageId, content), toolCalls: [call] }, lastSeq },
      usage: [used("broken", lastSeq)],
    });
  expect(await write("older", 7)).toBe(true);
  expect(await write("newer", 9)).toBe(true);
  const before = await dump(fixture.pool);
  expect(await write("older", 7)).toBe(false);
  expect(await dump(fixture.pool)).toEqual(before);
});

test("nothing of a step is stored when one of its results cannot be stored", async () => {
  const { turn, messageId } = await running(fixture.pool, await newPlace(fixture.pool));
  const before = await dump(fixture.pool);
  const sameplace = [toolMessage(2), toolMessage(2)];
  await expect(
    commitStep(fixture.pool, turn, { reply: reply(messageId), step: 0, tools: sameplace, lastSeq: 9 }),
  ).rejects.toMatchObject({
    code: "23505",
  });
  expect(await dump(fixture.pool)).toEqual(before);
});

test("drafts of many turns are saved in one call, and a lost fence does not affect the others", async () => {
  const turns = [];
  for (let i = 0; i < 5; i++) turns.push(await running(fixture.pool, await newPlace(fixture.pool)));
  const lost = turns[2]!;
  await releaseTurn(fixture.pool, lost.turn);
  const drafts = turns.map(({ turn, messageId }, i) => ({
    ...{ turnId: turn.id, attempt: 1, messageId },
    ...{ content: `text ${i}`, reasoning: i === 1 ? "thought" : null, lastSeq: 10 + i },
  }));
  const saved = await saveDrafts(fixture.pool, drafts);
  expect(saved).toEqual(new Set(turns.filter((each) => each !== lost).map(({ turn }) => turn.id)));
  for (const [i, each] of turns.entries()) {
    const expected = each === lost ? { content: "", last_seq: 2 } : { content: `text ${i}`, last_seq: 10 + i };
    expect(await messageRow(fixture.pool, each.messageId)).toMatchObject(expected);
  }
});

test("saving no drafts succeeds", async () => {
  expect(await saveDrafts(fixture.pool, [])).toEqual(new Set());
});

test("a draft that arrives after a newer one, or after its step was committed, changes nothing", async () => {
  const { turn, messageId } = await running(fixture.pool, await newPlace(fixture.pool));
  const draft = (content: string, lastSeq: number) => ({ ...turn, messageId, content, reasoning: null, lastSeq });
  await saveDrafts(fixture.pool, [draft("one two", 8)]);
  expect(await saveDrafts(fixture.pool, [draft("one", 7)])).toEqual(new Set());
  expect(await messageRow(fixture.pool, messageId)).toMatchObject({ content: "one two", last_seq: 8 });
  await commitStep(fixture.pool, turn, { reply: reply(messageId, "one two three"), step: 0, tools: [], lastSeq: 10 });
  const committed = await dump(fixture.pool);
  await saveDrafts(fixture.pool, [draft("one two th", 9)]);
  expect(await dump(fixture.pool)).toEqual(committed);
});

test("a fence does not allow writing a message of another turn", async () => {
  const [mine, theirs] = [
    await running(fixture.pool, await newPlace(fixture.pool)),
    await running(fixture.pool, await newPlace(fixture.pool)),
  ];
  const unknown = { id: randomUUID(), attempt: 1 };
  expect(
    await saveToolCalls(
      fixture.pool,
      { turnId: unknown.id, attempt: 1 },
      { reply: reply(theirs.messageId), lastSeq: 5 },
    ),
  ).toBe(false);
  await saveDrafts(fixture.pool, [
    { ...mine.turn, messageId: mine.messageId, content: "x", reasoning: null, lastSeq: 3 },
  ]);
  expect(await messageRow(fixture.pool, theirs.messageId)).toMatchObject({ content: "" });
});
