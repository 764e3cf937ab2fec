// PURE
import { compareEpochs, sameEpoch } from "@boocode/contracts";
import { classifyFrame, classifySnapshot } from "../../../libs/client/src/fold/classify-frame.ts";
import type { SessionView } from "../../../libs/client/src/fold/session-view.ts";
import type { Context } from "./context.ts";
import { cursorOf, hasEnded, placeOf, type Row, type Sent, type Subscriber, stored } from "./state.ts";

/** A client's view after a step, and the invariant that the step broke. */
export interface Applied {
  subscriber: Subscriber;
  wrong: string;
}

const replaced = (items: readonly string[], index: number, value: string) =>
  items[index] === value ? items : items.map((item, i) => (i === index ? value : item));

/**
 * How a client handles a frame: the next one applies, an older one is dropped, a snapshot that is not older replaces, and
 * after a frame that does not fit it reconnects from its cursor.
 */
export function receive(context: Context, subscriber: Subscriber, sent: Sent): Applied {
  const turn = placeOf(sent.place).epoch.ordinal - 1;
  if (context.rules.clientJudges) {
    const verdict = judged(subscriber, sent);
    if (verdict === "old") return { subscriber, wrong: "" };
    if (verdict === "misfit") return { subscriber: { ...subscriber, mode: "away" }, wrong: "" };
  }
  const text = sent.kind === "snapshot" ? sent.text : subscriber.texts[turn]! + sent.text;
  const after: Subscriber = {
    ...subscriber,
    cursor: sent.place,
    texts: replaced(subscriber.texts, turn, text),
    ends: replaced(subscriber.ends, turn, sent.end),
  };
  return { subscriber: after, wrong: isOlder(subscriber.cursor, sent.place) ? "D2 the client's cursor went back" : "" };
}

/**
 * An answer of REST: every turn so far, and the position up to which it is complete. If frames are ahead of it, it decides
 * earlier turns only.
 */
export function load(context: Context, subscriber: Subscriber, rows: readonly Row[], place: string): Applied {
  const isAhead = context.rules.clientJudges && isOlder(subscriber.cursor, place);
  const newest = placeOf(place).epoch.ordinal - 1;
  const own = (turn: number) => isAhead && turn >= newest;
  return {
    subscriber: {
      ...subscriber,
      loading: null,
      cursor: isAhead ? subscriber.cursor : place,
      texts: rows.map((row, turn) => (own(turn) ? subscriber.texts[turn]! : row.attempt > 0 ? stored(row) : "")),
      ends: rows.map((row, turn) => (own(turn) ? subscriber.ends[turn]! : hasEnded(row) ? row.status : "")),
    },
    wrong: !isAhead && isOlder(subscriber.cursor, place) ? "D2 the client's cursor went back" : "",
  };
}

const verdicts = new Map<string, "next" | "old" | "misfit">();

/** The client library's own rule, cached by its arguments. */
function judged(subscriber: Subscriber, sent: Sent): "next" | "old" | "misfit" {
  const { epoch } = placeOf(subscriber.cursor);
  const over = subscriber.ends[epoch.ordinal - 1] !== "";
  const question = `${subscriber.cursor}${sent.place}${sent.firstSeq}${sent.kind}${over}`;
  let verdict = verdicts.get(question);
  if (!verdict) {
    const turns = { t: { ordinal: epoch.ordinal, status: over ? "complete" : "running" } };
    const view = { cursor: cursorOf(subscriber.cursor), turns } as unknown as SessionView;
    const place = placeOf(sent.place);
    if (sent.kind === "snapshot") verdict = classifySnapshot(view, place) === "fits" ? "next" : "old";
    else verdict = classifyFrame(view, { ...place, firstSeq: sent.firstSeq });
    verdicts.set(question, verdict);
  }
  return verdict;
}

function isOlder(cursor: string, place: string): boolean {
  const [a, b] = [placeOf(cursor), placeOf(place)];
  return sameEpoch(a.epoch, b.epoch) ? b.seq < a.seq : compareEpochs(b.epoch, a.epoch) < 0;
}
