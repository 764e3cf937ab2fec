import type { SessionFrame } from "@boocode/contracts";
import { parseCursor, sameEpoch } from "@boocode/contracts/position";
import type { Truth, World } from "./world.ts";

/** The index of a state of Postgres that a reader may see after `n` frames: drafts lag behind deltas, commits do not. */
export function readBehind(world: World, n: number, lag: number): number {
  let at = n;
  for (let back = 0; back < lag && at > 0 && world.frames[at - 1]?.type === "delta"; back += 1) at -= 1;
  return at;
}

/** The snapshot of the turn at a truth's cursor. */
export function snapshotOf(truth: Truth): SessionFrame {
  const ordinal = parseCursor(truth.cursor)?.epoch.ordinal;
  const turn = truth.allTurns.find((one) => one.ordinal === ordinal) ?? null;
  return {
    type: "snapshot",
    session_id: truth.session.id,
    version: truth.version,
    cursor: truth.cursor,
    turn,
    messages: turn ? truth.messages.filter((message) => message.turn_id === turn.id) : [],
  };
}

/**
 * What a gateway sends to a client that joins with a cursor after `n` frames: first the version, then the rest of the cursor's
 * epoch from the log, or snapshots of the turns from the cursor's on.
 * @param useLog false: Redis has lost its logs
 */
export function joinFrames(world: World, n: number, cursor: string, useLog: boolean): SessionFrame[] {
  const truth = world.truths[n] as Truth;
  const from = parseCursor(cursor);
  const subscribed: SessionFrame = { type: "subscribed", session_id: "session", version: truth.version, cursor };
  const missed: SessionFrame[] = [];
  const ordinals = new Set<number>();
  for (let at = 0; at < n; at += 1) {
    const frame = world.frames[at] as SessionFrame;
    const place = "seq" in frame ? parseCursor(frame.cursor) : null;
    if (!place || !from || place.epoch.ordinal < from.epoch.ordinal) continue;
    ordinals.add(place.epoch.ordinal);
  }
  for (const ordinal of ordinals) {
    // Postgres has each of these turns as of its last frame.
    let last = 0;
    for (let at = 0; at < n; at += 1) {
      const frame = world.frames[at] as SessionFrame;
      if ("seq" in frame && parseCursor(frame.cursor)?.epoch.ordinal === ordinal) last = at + 1;
    }
    const end = world.truths[last] as Truth;
    const epoch = parseCursor(end.cursor)?.epoch;
    const same = epoch && from && sameEpoch(epoch, from.epoch);
    const log = world.frames.slice(0, n).filter((frame) => {
      const place = "seq" in frame ? parseCursor(frame.cursor) : null;
      return place && epoch && sameEpoch(place.epoch, epoch) && (!same || place.seq > (from?.seq ?? 0));
    });
    const isWhole = same || (epoch?.attempt === 1 && ordinal > (from?.epoch.ordinal ?? 0));
    if (useLog && isWhole) missed.push(...log);
    else {
      // A later deletion is in Postgres as well.
      const there = new Set(truth.messages.map((message) => message.id));
      const messages = end.messages.filter((message) => there.has(message.id));
      missed.push(snapshotOf({ ...end, messages, version: truth.version }));
    }
  }
  return [subscribed, ...missed];
}
