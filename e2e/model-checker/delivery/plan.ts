// PURE
import type { SessionFrame } from "@boocode/contracts";
import { type KnownTurn, planJoin } from "../../../services/gateway/src/joining/plan-join.ts";
import { readKey } from "./key.ts";
import { framesOf, hasEnded, isLetter, nameOf, type Plan, positionOf, type Row, type Sent, stored } from "./state.ts";

interface Content {
  type: string;
  seq: number;
  first_seq?: number;
  content: string;
  end: string;
}

const plans = new Map<string, Plan>();

/**
 * The gateway's own `planJoin`, with model values on both sides. It is pure, so results are cached.
 * @param epochOf the epoch of a turn's attempt, as in the first three characters of a frame
 */
export function plan(
  cursor: string,
  rows: readonly Row[],
  log: string,
  epochOf: (turn: number, attempt: number) => string,
  hidesDeleted: boolean,
): Plan {
  const last = rows.findLastIndex((row) => row.attempt > 0);
  const key = `${cursor} ${readKey(rows)} ${log} ${last < 0 ? "" : epochOf(last, rows[last]!.attempt)} ${hidesDeleted}`;
  let made = plans.get(key);
  if (!made) {
    made = makePlan(cursor, rows, log, epochOf, hidesDeleted);
    plans.set(key, made);
  }
  return made;
}

function makePlan(...[cursor, rows, log, epochOf, hidesDeleted]: Parameters<typeof plan>): Plan {
  const frames = framesOf(log);
  const known = rows.flatMap((row, turn): KnownTurn[] => {
    if (row.attempt === 0) return [];
    const epoch = epochOf(turn, row.attempt);
    const { epoch: named } = positionOf(`${epoch}0`);
    const own = row.deleted && hidesDeleted ? [] : frames.filter((frame) => frame.startsWith(epoch));
    const snapshot = (): Content => ({ type: "snapshot", seq: row.seq, content: stored(row), end: endOf(row) });
    return [
      {
        epoch: named,
        lastSeq: row.seq,
        ended: hasEnded(row),
        log: own.map((frame) => ({ position: positionOf(frame.slice(0, 4)), json: JSON.stringify(contentOf(frame)) })),
        snapshot: () => snapshot() as unknown as SessionFrame,
      },
    ];
  });
  const { frames: sent, cursor: end, isOver } = planJoin(positionOf(cursor), known);
  return {
    frames: sent.map(({ json, position }) => {
      const content = JSON.parse(json) as Content;
      const { deleted } = rows[position.epoch.ordinal - 1]!;
      return {
        position: nameOf(position),
        firstSeq: content.first_seq ?? position.seq,
        kind: content.type === "snapshot" ? "snapshot" : "frame",
        text: content.content,
        end: content.end,
        ofDeleted: deleted && [...content.content].some(isLetter),
      };
    }),
    cursor: nameOf(end),
    over: isOver,
    again: false,
  };
}

const endOf = (row: Row) => (hasEnded(row) ? row.status : "");

/** A frame as the worker would write it, with only the fields that the gateway reads. */
function contentOf(frame: string): Content & { message_id: string } {
  const seq = Number(frame[3]);
  const kind = frame[4]!;
  if (isLetter(kind)) return { type: "delta", message_id: "m", seq, content: kind, end: "" };
  if ("!-#".includes(kind)) return { type: "turn_finished", message_id: "m", seq, content: "", end: kind };
  return { type: "other", message_id: "m", seq, content: "", end: "" };
}

/** A frame that is sent as it was published. */
export function relayed(frame: string): Sent {
  const { seq, content, end } = contentOf(frame);
  return { position: frame.slice(0, 4), firstSeq: seq, kind: "frame", text: content, end, ofDeleted: false };
}
