// PURE
import { compareEpochs, sameEpoch } from "@boocode/contracts";
import { classifyFrame, classifySnapshot } from "../../../libs/client/src/fold/classify-frame.ts";
import type { SessionView } from "../../../libs/client/src/fold/session-view.ts";
import type { Context } from "./context.ts";
import { cursorOf, hasEnded, positionOf, type Row, type Sent, type Subscriber, stored } from "./state.ts";

/** A client's view after a step, and the invariant that the step broke; "" for none. */
export interface Applied {
  subscriber: Subscriber;
  wrong: string;
}

const replaced = (items: readonly string[], index: number, value: string) =>
  items[index] === value ? items : items.map((item, i) => (i === index ? value : item));

/**
 * A client receives a frame: the next one applies, an older one is dropped, a snapshot that is not older replaces the text, and
 * after a gap the client reconnects with its cursor. A gateway that keeps its rule never sends such a frame (D3).
 */
export function receive(context: Context, subscriber: Subscriber, sent: Sent): Applied {
  const turn = positionOf(sent.position).epoch.ordinal - 1;
  if (context.rules.clientJudges) {
    const verdict = verdictOf(subscriber, sent);
    if (verdict === "old") return { subscriber, wrong: "" };
    if (verdict === "misfit")
      return { subscriber: { ...subscriber, mode: "away" }, wrong: "D3 a frame was sent that does not fit" };
  }
  const text = sent.kind === "snapshot" ? sent.text : subscriber.texts[turn]! + sent.text;
  const after: Subscriber = {
    ...subscriber,
    cursor: sent.position,
    texts: replaced(subscriber.texts, turn, text),
    ends: replaced(subscriber.ends, turn, sent.end),
  };
  return {
    subscriber: after,
    wrong: isOlder(subscriber.cursor, sent.position) ? "D2 the client's cursor went back" : "",
  };
}

/**
 * A client receives a REST answer: every turn so far, and the position up to which the answer is complete. If the client's
 * frames are ahead of that position, the answer replaces only the earlier turns.
 */
export function load(context: Context, subscriber: Subscriber, rows: readonly Row[], position: string): Applied {
  const isAhead = context.rules.clientJudges && isOlder(subscriber.cursor, position);
  const newest = positionOf(position).epoch.ordinal - 1;
  const keepsOwn = (turn: number) => isAhead && turn >= newest;
  return {
    subscriber: {
      ...subscriber,
      loading: null,
      cursor: isAhead ? subscriber.cursor : position,
      texts: rows.map((row, turn) => (keepsOwn(turn) ? subscriber.texts[turn]! : row.attempt > 0 ? stored(row) : "")),
      ends: rows.map((row, turn) => (keepsOwn(turn) ? subscriber.ends[turn]! : hasEnded(row) ? row.status : "")),
    },
    wrong: !isAhead && isOlder(subscriber.cursor, position) ? "D2 the client's cursor went back" : "",
  };
}

const verdicts = new Map<string, "next" | "old" | "misfit">();

/** The client library's own rule; each verdict is cached. */
function verdictOf(subscriber: Subscriber, sent: Sent): "next" | "old" | "misfit" {
  const { epoch } = positionOf(subscriber.cursor);
  const over = subscriber.ends[epoch.ordinal - 1] !== "";
  const key = `${subscriber.cursor}${sent.position}${sent.firstSeq}${sent.kind}${over}`;
  let verdict = verdicts.get(key);
  if (!verdict) {
    const turns = { t: { ordinal: epoch.ordinal, status: over ? "complete" : "running" } };
    const view = { cursor: cursorOf(subscriber.cursor), turns } as unknown as SessionView;
    const position = positionOf(sent.position);
    if (sent.kind === "snapshot") verdict = classifySnapshot(view, position) === "fits" ? "next" : "old";
    else verdict = classifyFrame(view, { ...position, firstSeq: sent.firstSeq });
    verdicts.set(key, verdict);
  }
  return verdict;
}

function isOlder(cursor: string, position: string): boolean {
  const [a, b] = [positionOf(cursor), positionOf(position)];
  return sameEpoch(a.epoch, b.epoch) ? b.seq < a.seq : compareEpochs(b.epoch, a.epoch) < 0;
}
