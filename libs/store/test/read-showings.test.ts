import type { Citation, ShownFile } from "@boocode/contracts";
import {
  commitStep,
  deleteMessagesFrom,
  endTurn,
  exportUser,
  findMessage,
  readCitationShowings,
  readShowings,
} from "@boocode/store";
import { expect, test } from "vitest";
import { newPlace, type Place, reply, running, useStore } from "./fixture.ts";
import { toolMessage } from "./older-attempts.ts";

const fixture = useStore();

const showing = (path: string, ranges: ShownFile["ranges"] = []) => ({ path, ranges });
const RANGE = { first: 1, last: 2, at: 1, skip: 7, hash: "h" };
const CITATION: Citation = { start: 0, end: 6, path: "b/x.ts", first: 1, last: 2, level: "shown" };

/** A turn whose tools showed these files, and whose answer cites. */
async function answered(place: Place, evidence: ShownFile[][], citations?: Citation[] | null) {
  const { turn, messageId } = await running(fixture.pool, place);
  const tools = evidence.map((files, index) => ({
    ...toolMessage(index + 2),
    content: `output ${index}`,
    evidence: files,
  }));
  await commitStep(fixture.pool, turn, { reply: reply(messageId), step: 0, tools, lastSeq: 5 });
  await fixture.pool`
    insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, role, status)
    select gen_random_uuid(), session_id, owner_id, id, ordinal, 90, 'assistant', 'streaming' from turns where id = ${turn.id}`;
  const [open] = await fixture.pool`select id from messages where turn_id = ${turn.id} and position = 90`;
  const last = { ...reply(open?.id), ...(citations !== undefined && { citations }) };
  await endTurn(fixture.pool, turn, { end: { status: "complete" }, reply: last, lastSeq: 9 });
  return { turnId: turn.id, answerId: open?.id as string, toolIds: tools.map(({ id }) => id) };
}

test("the showings of a session are those of files with these names, newest first, with the text of those that show lines", async () => {
  const place = await newPlace(fixture.pool);
  await answered(place, [[showing("a/x.ts", [RANGE]), showing("y.ts", [RANGE])], [showing("z.ts", [RANGE])]]);
  await answered(place, [[showing("b/x.ts")], []]);
  await answered(await newPlace(fixture.pool), [[showing("c/x.ts", [RANGE])]]);
  expect(await readShowings(fixture.pool, place.sessionId, ["x.ts", "%"])).toMatchObject([
    { content: "", evidence: [showing("b/x.ts")] },
    { content: "output 0", evidence: [showing("a/x.ts", [RANGE])] },
  ]);
  expect(await readShowings(fixture.pool, place.sessionId, ["ts"])).toEqual([]);
});

test("citations end with their message, and are null where they were not checked", async () => {
  const place = await newPlace(fixture.pool);
  const read = async (citations?: Citation[] | null) => {
    const { answerId } = await answered(place, [], citations);
    return (await findMessage(fixture.pool, place.ownerId, place.sessionId, answerId))?.citations;
  };
  expect([await read([CITATION]), await read([]), await read(null), await read()]).toEqual([
    [CITATION],
    [],
    null,
    null,
  ]);
});

test("a citation has the showings before its answer, and none that were deleted", async () => {
  const place = await newPlace(fixture.pool);
  const first = await answered(place, [[showing("b/x.ts", [RANGE])]], [CITATION]);
  await answered(place, [[showing("b/x.ts", [RANGE])]], [CITATION]);
  const read = (messageId: string, index = 0) =>
    readCitationShowings(fixture.pool, place.ownerId, { sessionId: place.sessionId, messageId, index });
  expect(await read(first.answerId)).toMatchObject({ citation: CITATION, showings: [{ content: "output 0" }] });
  expect(await read(first.answerId, 1)).toBeNull();
  expect(await read(first.toolIds[0] as string)).toBeNull();
  await deleteMessagesFrom(fixture.pool, place.ownerId, place.sessionId, first.toolIds[0] as string);
  expect(await read(first.answerId)).toBeNull();
  expect(await readShowings(fixture.pool, place.sessionId, ["x.ts"])).toEqual([]);
});

test("an export has the evidence and the citations", async () => {
  const place = await newPlace(fixture.pool);
  await answered(place, [[showing("b/x.ts", [RANGE])]], [CITATION]);
  let text = "";
  for await (const chunk of exportUser(fixture.pool, place.ownerId)) text += chunk;
  const rows = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))
    .filter(({ type }) => type === "message");
  expect(rows.map(({ data }) => data.evidence).filter(Boolean)).toEqual([[showing("b/x.ts", [RANGE])]]);
  expect(rows.map(({ data }) => data.citations).filter(Boolean)).toEqual([[CITATION]]);
});
