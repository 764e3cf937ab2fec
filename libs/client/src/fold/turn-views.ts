// PURE
import type { LiveWait, Message, SessionFrame, Turn } from "@boocode/contracts";
import type { SessionView, ViewTurn } from "./session-view.ts";

type Turns = SessionView["turns"];
type TurnsWaiting = Extract<SessionFrame, { type: "turns_waiting" }>;

export function toViewTurn({ id, ordinal, status, attempt, cancel_reason, error }: Turn): ViewTurn {
  return { id, ordinal, status, attempt, cancel_reason, error, waiting: null };
}

/** A turn as REST lists it. Servers of earlier versions do not say what it waits for. */
function toLiveTurn(turn: Turn & { waiting?: LiveWait | null }): ViewTurn {
  return { ...toViewTurn(turn), waiting: turn.waiting ? toWaiting(turn.waiting) : null };
}

const toWaiting = ({ reason, ahead }: LiveWait) => ({ reason, retry_in_ms: null, ahead });

/** Sets what queued turns wait for, as far as the frame lists them. */
export function foldTurnsWaiting(view: SessionView, { turns: listed }: TurnsWaiting): SessionView {
  const turns = { ...view.turns };
  for (const { turn_id, ...wait } of listed) {
    const turn = turns[turn_id];
    if (turn?.status === "queued") turns[turn_id] = { ...turn, waiting: toWaiting(wait) };
  }
  return withTurns(view, turns);
}

/** Updates one turn, and with it the queue. */
export function withTurn(
  view: SessionView,
  id: string,
  change: Partial<ViewTurn> & Pick<ViewTurn, "ordinal">,
): SessionView {
  const before = view.turns[id] ?? {
    id,
    status: "running" as const,
    attempt: 0,
    cancel_reason: null,
    error: null,
    waiting: null,
  };
  return withTurns(view, { ...view.turns, [id]: { ...before, ...change } });
}

export function withTurns(view: SessionView, turns: Turns): SessionView {
  const queue = Object.values(turns).filter((turn) => turn.status === "queued");
  return { ...view, turns, queue: queue.sort((a, b) => a.ordinal - b.ordinal) };
}

/**
 * The turns of loaded messages. Live turns are as listed; the state of the others is derived from their messages: the last
 * message of a turn is written together with the turn's end, so both have the same status.
 */
export function turnsOf(messages: readonly Message[], live: readonly Turn[]): Record<string, ViewTurn> {
  const turns: Record<string, ViewTurn> = {};
  for (const { turn_id: id, turn_ordinal: ordinal, ...message } of messages) {
    const answer = message.role === "assistant" && !message.tool_calls?.length && message.status !== "streaming";
    const broken = message.status === "failed" || message.status === "cancelled";
    const status = answer || broken ? (message.status as ViewTurn["status"]) : "ended";
    turns[id] = { id, ordinal, status, attempt: 0, cancel_reason: null, error: message.error, waiting: null };
  }
  for (const turn of live) turns[turn.id] = toLiveTurn(turn);
  return turns;
}
