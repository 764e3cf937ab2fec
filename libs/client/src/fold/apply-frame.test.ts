import type { SessionFrame } from "@boocode/contracts";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { arbitraryEvents } from "../../test/arbitrary-world.ts";
import { expectStep, expectTruth } from "../../test/invariants.ts";
import { joinFrames, readBehind, snapshotOf } from "../../test/simulated-gateway.ts";
import { createWorld, type Truth, type World } from "../../test/world.ts";
import { applyFrame } from "./apply-frame.ts";
import { mergeLoaded } from "./merge-loaded.ts";
import { emptyView, type SessionView } from "./session-view.ts";

// Each test explores hundreds of sessions, which takes seconds even on an idle machine.
vi.setConfig({ testTimeout: 60_000 });

const start = emptyView("session");
const at = (world: World, n: number) => mergeLoaded(start, world.truths[n] as Truth);
const last = (world: World) => world.truths.length - 1;

test("loading at any moment and then applying every frame shows what is stored", () => {
  fc.assert(
    fc.property(arbitraryEvents, fc.nat(), (events, seed) => {
      const world = createWorld(events);
      const from = seed % world.truths.length;
      let view = at(world, from);
      for (const frame of world.frames.slice(from)) {
        const applied = applyFrame(view, frame);
        const next =
          applied.verdict === "rejoin" ? rejoin(world, world.frames.indexOf(frame) + 1, view, true) : applied.view;
        expectStep(world, view, next);
        view = next;
      }
      expectTruth(view, world.truths[last(world)] as Truth);
    }),
    { numRuns: 300 },
  );
});

test("whatever is lost, duplicated or reordered, a text comes from one epoch and the cursor never goes back", () => {
  fc.assert(
    fc.property(arbitraryEvents, fc.array(fc.nat(), { maxLength: 120 }), (events, picks) => {
      const world = createWorld(events);
      const pool = [...world.frames, ...world.truths.map(snapshotOf), ...world.frames];
      let view = at(world, (picks[0] ?? 0) % world.truths.length);
      for (const pick of picks) {
        // Picks frames near the cursor more often than distant ones, because mistakes are made near it.
        const near = world.frames.findIndex((frame) => "cursor" in frame && frame.cursor === view.cursor);
        const frame = pool[pick % 3 === 0 ? pick % pool.length : (near + (pick % 7) + pool.length - 2) % pool.length];
        const next = applyFrame(view, frame as SessionFrame).view;
        expectStep(world, view, next, frame);
        view = next;
      }
    }),
    { numRuns: 500 },
  );
});

/** Joins again as often as the verdicts demand, as a follower does. REST and logs have their state after `n` frames. */
function rejoin(world: World, n: number, from: SessionView, useLog: boolean): SessionView {
  let view = from;
  for (let tries = 0; tries < 10; tries += 1) {
    let again = false;
    for (const frame of joinFrames(world, n, view.cursor, useLog)) {
      const { view: next, verdict } = applyFrame(view, frame);
      expectStep(world, view, next, frame);
      view = next;
      if (verdict === "reload") {
        const loaded = mergeLoaded(view, world.truths[n] as Truth);
        expectStep(world, view, loaded);
        view = loaded;
      }
      if (verdict === "rejoin") {
        again = true;
        break;
      }
    }
    if (!again) return view;
  }
  throw new Error(`ten joins from ${from.cursor} did not get there`);
}

test("after any losses, with lagging drafts and lost logs, rejoining leads to what is stored", () => {
  fc.assert(
    fc.property(arbitraryEvents, fc.array(fc.nat(99), { maxLength: 80 }), fc.boolean(), (events, chances, useLog) => {
      const world = createWorld(events);
      let view = at(world, 0);
      let readAt = 0;
      for (const [index, frame] of world.frames.entries()) {
        const chance = chances[index % Math.max(1, chances.length)] ?? 50;
        if (chance < 10) continue;
        const { view: next, verdict } = applyFrame(view, frame);
        expectStep(world, view, next);
        view = next;
        let loaded = view;
        if (verdict === "rejoin" && chance > 20) loaded = rejoin(world, index + 1, view, useLog);
        // REST may be slightly behind the frames, or ahead of those in flight.
        if (verdict === "reload" || chance > 90) {
          const until = Math.min(last(world), index + 1 + (chance % 3));
          // Loads run one after the other, so a later one never returns an older state.
          readAt = Math.max(readAt, readBehind(world, until, chance % 5));
          loaded = mergeLoaded(view, world.truths[readAt] as Truth);
        }
        expectStep(world, view, loaded);
        view = loaded;
      }
      expectTruth(rejoin(world, last(world), view, useLog), world.truths[last(world)] as Truth);
    }),
    { numRuns: 250 },
  );
});

test("a late answer to a load takes back nothing that frames have brought in the meantime", () => {
  fc.assert(
    fc.property(arbitraryEvents, fc.nat(), fc.nat(12), (events, seed, during) => {
      const world = createWorld(events);
      const asked = seed % world.truths.length;
      const until = Math.min(last(world), asked + during);
      let view = at(world, asked);
      const held: SessionFrame[] = [];
      const apply = (frame: SessionFrame) => {
        const next = applyFrame(view, frame).view;
        expectStep(world, view, next);
        view = next;
      };
      for (const frame of world.frames.slice(asked, until)) {
        if ("version" in frame) held.push(frame);
        else apply(frame);
      }
      const loaded = mergeLoaded(view, world.truths[asked] as Truth);
      expectStep(world, view, loaded);
      expect(loaded.cursor).toBe(view.cursor);
      view = loaded;
      for (const frame of [...held, ...world.frames.slice(until)]) apply(frame);
      expectTruth(rejoin(world, last(world), view, true), world.truths[last(world)] as Truth);
    }),
    { numRuns: 300 },
  );
});

test("a merged delta has the same effect as its single deltas", () => {
  fc.assert(
    fc.property(arbitraryEvents, fc.nat(), (events, seed) => {
      const world = createWorld(events);
      const from = seed % world.truths.length;
      let [single, merged] = [at(world, from), at(world, from)];
      let run: Extract<SessionFrame, { type: "delta" }> | null = null;
      for (const frame of [...world.frames.slice(from), null]) {
        if (frame) single = applyFrame(single, frame).view;
        if (frame?.type === "delta" && run && frame.message_id === run.message_id && frame.attempt === run.attempt) {
          run = { ...frame, first_seq: run.first_seq ?? run.seq, content: run.content + frame.content };
          continue;
        }
        if (run) merged = applyFrame(merged, run).view;
        run = frame?.type === "delta" ? frame : null;
        if (frame && !run) merged = applyFrame(merged, frame).view;
      }
      expect(merged).toEqual(single);
    }),
    { numRuns: 200 },
  );
});

const turn = { kind: "turn", steps: 1, words: 4, crashAfter: null, deletedAfter: null } as const;

test("a merged delta that begins before the cursor does not fit, because its text cannot be divided", () => {
  const world = createWorld([turn]);
  const view = at(world, 6);
  const [first, second] = world.frames.slice(5, 7) as Extract<SessionFrame, { type: "delta" }>[];
  const merged = { ...second, first_seq: first?.seq, content: `${first?.content}${second?.content}` } as SessionFrame;
  expect(applyFrame(view, merged)).toEqual({ view, verdict: "rejoin" });
});

test("a frame of a turn whose predecessor has not ended causes a rejoin", () => {
  const world = createWorld([turn, turn]);
  const second = world.frames.find((frame) => "seq" in frame && frame.cursor.startsWith("2.")) as SessionFrame;
  const view = at(world, 5);
  expect(applyFrame(view, second)).toEqual({ view, verdict: "rejoin" });
  expect(applyFrame(view, snapshotOf(world.truths.at(-1) as Truth)).verdict).toBe("reload");
});

test("a second attempt begins with a snapshot and never with its own first frame", () => {
  const world = createWorld([{ ...turn, crashAfter: 4 }]);
  const second = world.frames.findIndex((frame) => "seq" in frame && frame.attempt === 2);
  const view = at(world, second);
  expect(applyFrame(view, world.frames[second] as SessionFrame).verdict).toBe("rejoin");
});

test("a later attempt causes a rejoin, even if nothing of its turn was seen", () => {
  const world = createWorld([turn, { ...turn, steps: 2, crashAfter: 9 }]);
  const first = world.frames.findIndex((frame) => "seq" in frame && frame.cursor.startsWith("2.1."));
  const second = world.frames.find((frame) => "seq" in frame && frame.cursor.startsWith("2.2."));
  const view = at(world, first);
  expect(applyFrame(view, second as SessionFrame)).toEqual({ view, verdict: "rejoin" });
  expect(applyFrame(view, world.frames[first] as SessionFrame).verdict).toBe("applied");
});

test("a known structural frame is dropped, and a gap before one causes a reload", () => {
  const world = createWorld([{ kind: "rename" }, { kind: "rename" }, { kind: "rename" }]);
  const view = at(world, 1);
  expect(applyFrame(view, world.frames[0] as SessionFrame)).toEqual({ view, verdict: "old" });
  expect(applyFrame(view, world.frames[2] as SessionFrame)).toEqual({ view, verdict: "reload" });
  expect(applyFrame(view, world.frames[1] as SessionFrame).view.session?.name).toBe("name 2");
});

test("a turn frame of an unknown type moves the cursor, and a structural one causes a reload", () => {
  const world = createWorld([turn]);
  const view = at(world, 4);
  const next = world.frames[4] as Extract<SessionFrame, { type: "delta" }>;
  const unknown = applyFrame(view, { ...next, type: "sparkle" } as never);
  expect(unknown).toEqual({ view: { ...view, cursor: next.cursor }, verdict: "applied" });
  expect(applyFrame(view, { type: "glitter", version: view.version + 1 } as never)).toEqual({
    view,
    verdict: "reload",
  });
});

test("a client of the version before passes over citations, and shows everything else", () => {
  const world = createWorld([{ ...turn, steps: 2 }, turn, turn]);
  expect(world.frames.filter(({ type }) => type === "citations")).toHaveLength(3);
  let view = at(world, 0);
  for (const frame of world.frames) {
    const unknown = frame.type === "citations" ? ({ ...frame, type: "of a later version" } as never) : frame;
    const applied = applyFrame(view, unknown);
    expect(applied.verdict).toBe("applied");
    view = applied.view;
  }
  const truth = world.truths[last(world)] as Truth;
  expectTruth(view, { ...truth, messages: truth.messages.map((message) => ({ ...message, citations: null })) });
});

test("a frame of an unknown type without a position or a version is ignored", () => {
  const view = at(createWorld([turn]), 4);
  expect(applyFrame(view, { type: "sparkle", text: "x" } as never)).toEqual({ view, verdict: "applied" });
  expect(applyFrame(view, { type: "sparkle", seq: 5 } as never)).toEqual({ view, verdict: "applied" });
  expect(applyFrame(view, { type: "sparkle", version: "5" } as never)).toEqual({ view, verdict: "applied" });
});

type Deletion = Extract<SessionFrame, { type: "messages_deleted" }>;

/** The forms in which servers announce a deletion: as older ones do, as for many messages, and as for few. */
const forms: ((frame: Deletion) => Deletion)[] = [
  ({ range: _, ...frame }) => frame,
  (frame) => ({ ...frame, message_ids: [] }),
  (frame) => frame,
];
const inForm = (form: (frame: Deletion) => Deletion, frame: SessionFrame) =>
  frame.type === "messages_deleted" ? form(frame) : frame;

test("a deletion leads to the same view, whether its frame has ids, a range or both, and whatever is lost or late", () => {
  fc.assert(
    fc.property(arbitraryEvents, fc.nat(), fc.array(fc.nat(19), { maxLength: 60 }), (events, seed, chances) => {
      const world = createWorld(events);
      const from = seed % world.truths.length;
      const [ids, ...others] = forms.map((form) => {
        let view = at(world, from);
        let late: SessionFrame | null = null;
        for (const [index, original] of world.frames.slice(from).entries()) {
          const frame = inForm(form, original);
          const chance = chances[index % Math.max(1, chances.length)] ?? 9;
          // Now and then a frame is lost, or overtaken by the next one.
          if (chance === 0) continue;
          if (chance === 1 && !late) {
            late = frame;
            continue;
          }
          view = applyFrame(view, frame).view;
          if (late) view = applyFrame(view, late).view;
          late = null;
        }
        return { ...view, deleted: [], deletedRanges: [] };
      });
      for (const other of others) expect(other).toEqual(ids);
    }),
    { numRuns: 300 },
  );
});

test("a deletion removes the messages from its place on, and none of a turn that began after it", () => {
  const world = createWorld([turn, { ...turn, steps: 2 }, turn]);
  const view = at(world, last(world));
  expect(view.messages.map(place)).toEqual(["1:0", "1:1", "2:0", "2:1", "2:2", "2:3", "3:0", "3:1"]);
  const range = { from: { turn_ordinal: 2, position: 1 }, through_turn: 2 };
  const frame = { type: "messages_deleted", session_id: "session", version: view.version + 1, message_ids: [], range };
  const { view: after, verdict } = applyFrame(view, frame as SessionFrame);
  expect([verdict, after.messages.map(place)]).toEqual(["applied", ["1:0", "1:1", "2:0", "3:0", "3:1"]]);
});

const place = (message: { turn_ordinal: number; position: number }) => `${message.turn_ordinal}:${message.position}`;

test.each(forms)("a message that was deleted before its first frame does not reappear (form %#)", (form) => {
  const world = createWorld([{ ...turn, steps: 2, deletedAfter: 0 }]);
  let view = at(world, 2);
  for (const frame of world.frames.slice(2)) view = applyFrame(view, inForm(form, frame)).view;
  expect(view.messages).toEqual([]);
  expect(view.turns["turn 1"]?.status).toBe("cancelled");
});

test("a snapshot that was read before a deletion does not restore deleted messages", () => {
  const world = createWorld([turn, { kind: "delete", back: 1 }]);
  const view = at(world, last(world));
  const stale = snapshotOf(world.truths[last(world) - 1] as Truth);
  expect(applyFrame(view, stale)).toEqual({ view, verdict: "reload" });
});

test("a tool output that is known in full stays so when a snapshot shortens it", () => {
  const world = createWorld([{ ...turn, steps: 2 }]);
  const truth = world.truths[last(world)] as Truth;
  const view = at(world, last(world));
  const snapshot = snapshotOf(truth) as Extract<SessionFrame, { type: "snapshot" }>;
  const cut = (message: { role: string }) => (message.role === "tool" ? { content: "fou", shortened: true } : {});
  const shortened = { ...snapshot, messages: snapshot.messages.map((m) => ({ ...m, ...cut(m) })) };
  const kept = applyFrame(view, shortened).view;
  expect(kept.messages.map((m) => [m.content, m.shortened])).toEqual(view.messages.map((m) => [m.content, false]));
  const fresh = applyFrame(at(world, 2), shortened).view;
  expect(fresh.messages.filter((message) => message.shortened).map((message) => message.content)).toEqual(["fou"]);
});

test("a message that still streams ends with its turn", () => {
  const world = createWorld([turn]);
  // In mid-stream, as if an earlier attempt had begun it and the last one had not reached it.
  const at5 = at(world, 5);
  const frame = world.frames[5] as Extract<SessionFrame, { type: "delta" }>;
  expect(at5.messages.at(-1)?.status).toBe("streaming");
  const over = { ...frame, type: "turn_finished", status: "cancelled", cancel_reason: "user" } as never;
  const { view, verdict } = applyFrame(at5, over);
  expect(verdict).toBe("applied");
  expect(view.messages.at(-1)?.status).toBe("cancelled");
  expect(view.turns["turn 1"]?.status).toBe("cancelled");
});

test("what a queued turn waits for is shown until the turn starts, moves nothing else, and unknown turns are ignored", () => {
  const queued = { ...start, turns: { t: queuedTurn("t", 2) }, queue: [queuedTurn("t", 2)], version: 4 };
  const wait = { turn_id: "t", reason: "worker" as const, ahead: 3 };
  const frame: SessionFrame = {
    ...{ type: "turns_waiting", session_id: "session" },
    turns: [wait, { ...wait, turn_id: "other" }],
  };
  const { view, verdict } = applyFrame(queued, frame);
  expect(verdict).toBe("applied");
  const waiting = { reason: "worker", retry_in_ms: null, ahead: 3 };
  expect(view).toEqual({
    ...queued,
    turns: { t: { ...queuedTurn("t", 2), waiting } },
    queue: [{ ...queuedTurn("t", 2), waiting }],
  });
  const begun: SessionFrame = {
    ...{ type: "turn_started", session_id: "session", turn_id: "t", attempt: 1, seq: 1, cursor: "2.1.n.1" },
    ordinal: 2,
  };
  expect(applyFrame(view, begun).view.turns.t).toMatchObject({ status: "running", waiting: null });
  // A frame that arrives late, after the turn's start.
  expect(applyFrame(applyFrame(view, begun).view, frame).view.turns.t?.waiting).toBeNull();
});

test("a turn that waits for a tool process is shown so until its first result", () => {
  const turn = { session_id: "session", turn_id: "t", attempt: 1 };
  const running: SessionFrame = { type: "turn_started", ...turn, seq: 1, cursor: "2.1.n.1", ordinal: 2 };
  const wait = { reason: "tools" as const, retry_in_ms: null, ahead: 4 };
  const waits: SessionFrame = { type: "turn_waiting", ...turn, seq: 2, cursor: "2.1.n.2", ...wait };
  const result: SessionFrame = {
    ...{ type: "tool_result", ...turn, seq: 3, cursor: "2.1.n.3", message_id: "m", position: 1 },
    ...{ tool_call_id: "c", name: "grep", output: "", truncated: false, error: null },
  };
  const view = [running, waits].reduce((before, frame) => applyFrame(before, frame).view, start);
  expect(view.turns.t?.waiting).toEqual(wait);
  expect(applyFrame(view, result).view.turns.t).toMatchObject({ status: "running", waiting: null });
});

function queuedTurn(id: string, ordinal: number) {
  const facts = { status: "queued" as const, attempt: 0, cancel_reason: null, error: null, waiting: null };
  return { id, ordinal, ...facts };
}
