import {
  classifyPosition,
  compareEpochs,
  type Epoch,
  formatCursor,
  type Position,
  parseCursor,
  START,
  sameEpoch,
} from "@boocode/contracts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type JoinPlan, type KnownTurn, type Logged, planJoin } from "./plan-join.ts";

const EPOCH: Epoch = { ordinal: 2, attempt: 1, nonce: "b" };

const word = (epoch: Epoch, seq: number) => `${epoch.ordinal}.${epoch.attempt}:${seq} `;

function delta(epoch: Epoch, seq: number): Logged {
  const position = { epoch, seq };
  const frame = { type: "delta", message_id: "m", seq, cursor: formatCursor(position), content: word(epoch, seq) };
  return { position, json: JSON.stringify(frame) };
}

/** A turn: Postgres has its first `lastSeq` deltas, and the log has those from `logFrom` to `logTo`. */
function turn(epoch: Epoch, lastSeq: number, logFrom: number, logTo: number, ended = false): KnownTurn {
  const log: Logged[] = [];
  for (let seq = logFrom; seq <= logTo; seq++) log.push(delta(epoch, seq));
  const text = Array.from({ length: lastSeq }, (_, i) => word(epoch, i + 1)).join("");
  return {
    epoch,
    lastSeq,
    ended,
    log,
    snapshot: () => ({ type: "snapshot", content: text, cursor: formatCursor({ epoch, seq: lastSeq }) }) as never,
  };
}

/** The text of this epoch's turn that a client shows after applying the plan's frames to `before`. */
function shown(before: string, plan: JoinPlan, epoch: Epoch): string {
  let text = before;
  for (const { json, position } of plan.frames) {
    if (!sameEpoch(position.epoch, epoch)) continue;
    const frame = JSON.parse(json) as { type: string; content: string };
    text = frame.type === "snapshot" ? frame.content : text + frame.content;
  }
  return text;
}

const whole = (epoch: Epoch, to: number) => Array.from({ length: to }, (_, i) => word(epoch, i + 1)).join("");

test("a subscriber at the end of the newest turn is sent nothing", () => {
  const plan = planJoin({ epoch: EPOCH, seq: 5 }, [turn(EPOCH, 5, 1, 5, true)]);
  expect(plan.frames).toEqual([]);
});

test("a subscriber that missed frames of the same epoch is sent those, merged into one delta with `first_seq`", () => {
  const plan = planJoin({ epoch: EPOCH, seq: 2 }, [turn(EPOCH, 3, 1, 5)]);
  expect(plan.frames.map(({ json }) => JSON.parse(json))).toEqual([
    expect.objectContaining({ type: "delta", first_seq: 3, seq: 5, content: "2.1:3 2.1:4 2.1:5 " }),
  ]);
  expect(plan.cursor).toEqual({ epoch: EPOCH, seq: 5 });
});

test("a turn after the cursor's is replayed from its first frame", () => {
  const plan = planJoin({ epoch: { ordinal: 1, attempt: 1, nonce: "a" }, seq: 9 }, [
    turn({ ordinal: 1, attempt: 1, nonce: "a" }, 9, 1, 9, true),
    turn(EPOCH, 2, 1, 3),
  ]);
  expect(plan.frames).toHaveLength(1);
  expect(JSON.parse(plan.frames[0]?.json as string)).toMatchObject({ type: "delta", first_seq: 1, seq: 3 });
});

test("a later attempt starts with a snapshot, because its log lacks what earlier attempts committed", () => {
  const later = { ...EPOCH, attempt: 2, nonce: "c" };
  const plan = planJoin({ epoch: { ordinal: 1, attempt: 1, nonce: "a" }, seq: 1 }, [turn(later, 2, 1, 3)]);
  expect(JSON.parse(plan.frames[0]?.json as string)).toMatchObject({ type: "snapshot" });
});

test("two epochs that differ only in their nonce are different epochs", () => {
  const plan = planJoin({ epoch: { ...EPOCH, nonce: "z" }, seq: 2 }, [turn(EPOCH, 2, 1, 4)]);
  expect(JSON.parse(plan.frames[0]?.json as string)).toMatchObject({ type: "snapshot" });
});

test("a log that lacks committed frames is replaced by a snapshot", () => {
  for (const known of [turn(EPOCH, 5, 1, 0), turn(EPOCH, 5, 4, 6), turn(EPOCH, 5, 1, 3)]) {
    const plan = planJoin({ epoch: EPOCH, seq: 1 }, [known]);
    expect(JSON.parse(plan.frames[0]?.json as string)).toMatchObject({ type: "snapshot" });
  }
});

test("without a cursor a running turn is sent as a snapshot, and an ended turn is not sent", () => {
  expect(planJoin(null, [turn(EPOCH, 3, 1, 3, true)]).frames).toEqual([]);
  expect(planJoin(null, [turn(EPOCH, 3, 1, 3, true)]).from).toEqual({ epoch: EPOCH, seq: 3 });
  expect(JSON.parse(planJoin(null, [turn(EPOCH, 3, 1, 4)]).frames[0]?.json as string)).toMatchObject({
    type: "snapshot",
  });
  expect(planJoin(null, []).from).toEqual(START);
});

test("a plan tells whether the turn at its end is over", () => {
  const first = { ordinal: 1, attempt: 1, nonce: "a" };
  const end = { position: { epoch: EPOCH, seq: 4 }, json: '{"type":"turn_finished"}' };
  const ending = turn(EPOCH, 3, 1, 3);
  expect(planJoin(null, []).isOver).toBe(true);
  expect(planJoin({ epoch: first, seq: 4 }, []).isOver).toBe(false);
  expect(planJoin(null, [turn(EPOCH, 3, 1, 3, true)]).isOver).toBe(true);
  expect(planJoin({ epoch: EPOCH, seq: 3 }, [turn(EPOCH, 3, 1, 3, true)]).isOver).toBe(true);
  expect(planJoin({ epoch: EPOCH, seq: 1 }, [turn(EPOCH, 3, 1, 3)]).isOver).toBe(false);
  // Its end was logged after the row was read.
  expect(planJoin({ epoch: EPOCH, seq: 1 }, [{ ...ending, log: [...ending.log, end] }]).isOver).toBe(true);
  // The last frame is the end of the turn before one that has no frame yet.
  const before = turn(first, 1, 1, 1, true);
  const finished = { position: { epoch: first, seq: 2 }, json: '{"type":"turn_finished"}' };
  const plan = planJoin({ epoch: first, seq: 1 }, [{ ...before, lastSeq: 2, log: [finished] }, turn(EPOCH, 0, 1, 0)]);
  expect([plan.frames.length, plan.cursor, plan.isOver]).toEqual([1, { epoch: EPOCH, seq: 0 }, false]);
});

const positions = (epochs: Epoch[]) =>
  fc.record({ epoch: fc.constantFrom(...epochs), seq: fc.integer({ min: 0, max: 12 }) });

test("for any cursor, draft and log, the text is complete up to the new cursor, and the cursor never goes back", () => {
  const other: Epoch = { ordinal: 1, attempt: 1, nonce: "a" };
  fc.assert(
    fc.property(
      positions([other, EPOCH]),
      fc.integer({ min: 0, max: 10 }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 0, max: 12 }),
      fc.boolean(),
      (cursor: Position, lastSeq, logFrom, logLength, ended) => {
        const known = turn(EPOCH, lastSeq, logFrom, logFrom + logLength - 1, ended);
        const turns = cursor.epoch.ordinal === 1 ? [turn(other, cursor.seq, 1, 0, true), known] : [known];
        const before = sameEpoch(cursor.epoch, EPOCH) ? whole(EPOCH, cursor.seq) : "";
        const plan = planJoin(cursor, turns);
        // The subscriber may be ahead of the draft: deltas are sent before they are saved.
        expect(shown(before, plan, EPOCH)).toBe(whole(EPOCH, plan.cursor.seq));
        expect(plan.cursor.seq).toBeGreaterThanOrEqual(lastSeq);
        expect(compareEpochs(plan.cursor.epoch, cursor.epoch)).toBeGreaterThanOrEqual(0);
        if (sameEpoch(plan.cursor.epoch, cursor.epoch)) expect(plan.cursor.seq).toBeGreaterThanOrEqual(cursor.seq);
      },
    ),
  );
});

test("every frame of a plan passes the rule that clients apply", () => {
  fc.assert(
    fc.property(
      positions([EPOCH]),
      fc.integer({ min: 0, max: 10 }),
      fc.integer({ min: 1, max: 8 }),
      (from, lastSeq, logFrom) => {
        const plan = planJoin(from, [turn(EPOCH, lastSeq, logFrom, 12)]);
        let cursor = from;
        for (const { json, position } of plan.frames) {
          const frame = JSON.parse(json) as { type: string; first_seq?: number; cursor: string };
          expect(parseCursor(frame.cursor)).toEqual(position);
          if (frame.type !== "snapshot") {
            const first = frame.first_seq === undefined ? {} : { firstSeq: frame.first_seq };
            expect(classifyPosition(cursor, { ...position, ...first })).toBe("next");
          }
          cursor = position;
        }
        expect(cursor).toEqual(plan.cursor);
      },
    ),
  );
});
