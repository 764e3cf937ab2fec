// PURE
import type { SessionFrame, StructuralFrame, TurnFrame } from "@boocode/contracts";
import { parseCursor } from "@boocode/contracts/position";
import { classifyFrame, classifySnapshot, isOver, placeOf } from "./classify-frame.ts";
import { foldStructure } from "./fold-structure.ts";
import { foldSnapshot, foldTurnFrame } from "./fold-turn-frame.ts";
import type { SessionView } from "./session-view.ts";
import { foldTurnsWaiting } from "./turn-views.ts";

/**
 * `applied`: the frame is in the view. `old`: the view already had it. `rejoin`: frames are missing, and the client must join
 * again with the view's cursor. `reload`: the structure changed in a way that only REST can supply.
 */
export type Verdict = "applied" | "old" | "rejoin" | "reload";

export interface Applied {
  view: SessionView;
  verdict: Verdict;
}

/**
 * Applies a frame to a view. Whatever is lost, duplicated or reordered, the text of a message is a prefix of what one epoch
 * produced (D1), and the cursor never goes back (D2).
 */
export function applyFrame(view: SessionView, frame: SessionFrame): Applied {
  switch (frame.type) {
    case "subscribed":
      return { view, verdict: frame.version === view.version ? "applied" : "reload" };
    case "snapshot":
      return applySnapshot(view, frame);
    case "turns_waiting":
      return { view: foldTurnsWaiting(view, frame), verdict: "applied" };
    case "going_away":
      return { view, verdict: "applied" };
  }
  if ("seq" in frame) return applyTurnFrame(view, frame);
  if ("version" in frame) return applyStructure(view, frame);
  // A type that is newer than this library.
  frame satisfies never;
  return { view, verdict: "applied" };
}

function applyTurnFrame(view: SessionView, frame: TurnFrame): Applied {
  const place = placeOf(frame);
  if (!place) return { view, verdict: "applied" };
  const verdict = classifyFrame(view, place);
  if (verdict !== "next") return { view, verdict: verdict === "old" ? "old" : "rejoin" };
  return {
    view: { ...foldTurnFrame(view, frame, place.epoch.ordinal), cursor: frame.cursor },
    verdict: "applied",
  };
}

function applyStructure(view: SessionView, frame: StructuralFrame): Applied {
  if (typeof frame.version !== "number") return { view, verdict: "applied" };
  if (frame.version <= view.version) return { view, verdict: "old" };
  const folded = frame.version === view.version + 1 ? foldStructure(view, frame) : null;
  return folded ? { view: { ...folded, version: frame.version }, verdict: "applied" } : { view, verdict: "reload" };
}

function applySnapshot(view: SessionView, frame: Extract<SessionFrame, { type: "snapshot" }>): Applied {
  const structure = frame.version === view.version ? "applied" : "reload";
  const place = placeOf(frame);
  // A snapshot read before a deletion that the view has seen would restore the deleted messages (T11): REST is newer.
  if (!frame.turn || !place || frame.version < view.version) return { view, verdict: structure };
  if (classifySnapshot(view, place) === "old") return { view, verdict: structure === "reload" ? "reload" : "old" };
  const complete = frame.turn.ordinal === parseCursor(view.cursor)?.epoch.ordinal || isOver(view);
  const next = { ...foldSnapshot(view, frame), cursor: frame.cursor };
  // The frames did not include the end of the previous turn, or the snapshot leaves messages out: REST has them.
  return { view: next, verdict: complete && frame.from_position === undefined ? structure : "reload" };
}
