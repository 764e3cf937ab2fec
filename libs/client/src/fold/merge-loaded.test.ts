import type { SessionFrame } from "@boocode/contracts";
import { expect, test } from "vitest";
import { expectTruth } from "../../test/invariants.ts";
import { snapshotOf } from "../../test/simulated-gateway.ts";
import { createWorld, type Truth, type World } from "../../test/world.ts";
import { applyFrame } from "./apply-frame.ts";
import { mergeLoaded } from "./merge-loaded.ts";
import { emptyView, type SessionView } from "./session-view.ts";
import { withTurns } from "./turn-views.ts";

// Frames and loads in any order are tested in apply-frame.test.ts.

const turn = { kind: "turn", steps: 1, words: 4, crashAfter: null, deletedAfter: null } as const;
const at = (world: World, n: number) => mergeLoaded(emptyView("session"), world.truths[n] as Truth);
const indexOf = (world: World, cursor: string) =>
  world.frames.findIndex((frame) => "cursor" in frame && frame.cursor === cursor) + 1;

test("a draft that lags behind the frames removes no words", () => {
  const world = createWorld([turn]);
  const view = at(world, 7);
  const merged = mergeLoaded(view, world.truths[5] as Truth);
  expect(merged.messages.at(-1)?.content).toBe("1:0 1:1 1:2 ");
  expect(merged.cursor).toBe(view.cursor);
});

test("what REST no longer has is removed, even when the frames are ahead of REST", () => {
  const world = createWorld([turn, { kind: "delete", back: 1 }, turn]);
  const [before, now] = [indexOf(world, "1.1.n1x1.8"), indexOf(world, "2.1.n2x1.4")];
  let view = { ...at(world, before), version: (world.truths[before] as Truth).version };
  // The structural frames were missed; the turn's frames were not.
  for (const frame of world.frames.slice(before, now + 1)) if ("seq" in frame) view = applyFrame(view, frame).view;
  const answer = view.messages[1]?.id;
  const merged = mergeLoaded(view, world.truths[now] as Truth);
  expect(merged.cursor).toBe("2.1.n2x1.5");
  expect(merged.messages.some((message) => message.id === answer)).toBe(false);
  expect(merged.messages.map((message) => message.content)).toEqual(["question 1", "question 2", "1:0 1:1 1:2 "]);
});

test("an answer that began after REST's cursor is removed when REST has nothing of its turn, unless that turn is newer than REST", () => {
  const world = createWorld([turn]);
  const now = indexOf(world, "1.1.n1x1.4");
  const view = { ...at(world, 0), ...at(world, 2), version: (world.truths[now] as Truth).version };
  let seen: SessionView = view;
  for (const frame of world.frames.slice(0, now)) if ("seq" in frame) seen = applyFrame(seen, frame).view;
  expect(seen.messages.map(({ role }) => role)).toContain("assistant");
  const deleted = { ...(world.truths[now] as Truth), messages: [], liveTurns: [], cursor: "1.1.n1x1.1" };
  expect(mergeLoaded(seen, deleted).messages).toEqual([]);
  const unknown = { ...deleted, cursor: "0.0.0.0" };
  expect(mergeLoaded(seen, unknown).messages.map(({ role }) => role)).toContain("assistant");
});

test("REST decides a turn whose end was missed, and the frames decide the one that streams", () => {
  const world = createWorld([turn, turn]);
  const now = indexOf(world, "2.1.n2x1.4");
  const joined = applyFrame(
    { ...at(world, 5), version: (world.truths[now] as Truth).version },
    snapshotOf(world.truths[now] as Truth),
  );
  expect(joined.verdict).toBe("reload");
  const view = applyFrame(joined.view, world.frames[now] as SessionFrame).view;
  const merged = mergeLoaded(view, world.truths[now] as Truth);
  expect(merged.messages.map((message) => message.content)).toEqual([
    "question 1",
    "1:0 1:1 1:2 1:3 ",
    "question 2",
    "1:0 1:1 1:2 ",
  ]);
});

test("a withdrawn turn leaves the queue, and a started one does not return to it, even when frames are ahead of REST", () => {
  const world = createWorld([turn]);
  const view = at(world, 7);
  const gone = {
    id: "gone",
    ordinal: 2,
    status: "queued",
    attempt: 0,
    cancel_reason: null,
    error: null,
    waiting: null,
  } as const;
  const merged = mergeLoaded(withTurns(view, { ...view.turns, gone }), world.truths[5] as Truth);
  expect([merged.queue, Object.keys(merged.turns)]).toEqual([[], ["turn 1"]]);
  const [before] = world.truths.filter(({ liveTurns }) => liveTurns[0]?.status === "queued") as [Truth];
  const again = mergeLoaded(view, before);
  expect([again.cursor, again.turns["turn 1"]?.status, again.queue]).toEqual([view.cursor, "running", []]);
});

test("what a running turn waits for comes from REST, unless the frames are ahead", () => {
  const world = createWorld([turn]);
  const running = world.truths.findIndex(({ liveTurns }) => liveTurns[0]?.status === "running");
  const waits = { reason: "slot", ahead: 2 } as const;
  const truth = world.truths[running] as Truth;
  const loaded = { ...truth, liveTurns: truth.liveTurns.map((one) => ({ ...one, waiting: waits })) };
  const waiting = { reason: "slot", ahead: 2, retry_in_ms: null };
  expect(mergeLoaded(emptyView("session"), loaded).turns["turn 1"]).toMatchObject({ status: "running", waiting });
  const ahead = mergeLoaded(at(world, running + 3), loaded);
  expect(ahead.turns["turn 1"]).toMatchObject({ status: "running", waiting: null });
});

test("an output that a frame shortened is whole after a load, even when the frames are ahead", () => {
  const world = createWorld([{ ...turn, steps: 2 }]);
  const tool = world.frames.findIndex((frame) => frame.type === "tool_result");
  let view = at(world, tool);
  for (const frame of world.frames.slice(tool, tool + 5)) {
    view = applyFrame(view, frame.type === "tool_result" ? { ...frame, output: "fou", shortened: true } : frame).view;
  }
  const cut = view.messages.find((message) => message.role === "tool");
  expect(cut).toMatchObject({ content: "fou", shortened: true });
  const merged = mergeLoaded(view, world.truths[tool + 4] as Truth);
  expect(merged.messages.find((message) => message.id === cut?.id)).toMatchObject({
    content: "found 2",
    shortened: false,
  });
  expect(merged.cursor).toBe(view.cursor);
});

test("what the view has whole stays whole when REST or a snapshot shortens it, and a snapshot without earlier messages keeps them", () => {
  const world = createWorld([{ ...turn, steps: 2 }]);
  const truth = world.truths.at(-1) as Truth;
  const view = at(world, world.truths.length - 1);
  const tool = truth.messages.find((message) => message.role === "tool");
  const messages = truth.messages.map((one) => (one === tool ? { ...one, content: "fou", shortened: true } : one));
  const shown = (view: SessionView) => view.messages.find(({ id }) => id === tool?.id);
  expect(shown(mergeLoaded(view, { ...truth, messages }))).toMatchObject({ content: "found 2", shortened: false });
  expect(shown(mergeLoaded(emptyView("session"), { ...truth, messages }))).toMatchObject({
    content: "fou",
    shortened: true,
  });
  const snapshot = snapshotOf(truth) as Extract<SessionFrame, { type: "snapshot" }>;
  const from_position = tool?.position ?? 0;
  const late = messages.filter(({ position }) => position >= from_position);
  const joined = applyFrame({ ...view, cursor: "0.0.0.0" }, { ...snapshot, messages: late, from_position });
  expect(joined.verdict).toBe("reload");
  expect(joined.view.messages.map(({ id }) => id)).toEqual(view.messages.map(({ id }) => id));
  expect(shown(joined.view)).toMatchObject({ content: "found 2", shortened: false });
});

test("a restored older database is accepted as it is", () => {
  const world = createWorld([turn, turn]);
  expectTruth(mergeLoaded(at(world, world.truths.length - 1), world.truths[2] as Truth), world.truths[2] as Truth);
});
