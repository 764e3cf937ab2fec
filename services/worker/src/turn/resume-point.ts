import type { Message } from "@boocode/contracts";

/** Where an attempt begins. */
export interface ResumePoint {
  /** The first step that is not committed. */
  step: number;
  /** The place of the next message within the turn. */
  position: number;
}

/** A new attempt begins after the last committed step; the committed messages of the turn say which that is. */
export function resumePoint(committed: readonly Message[]): ResumePoint {
  const steps = committed.filter((message) => message.role === "assistant").length;
  const last = committed.reduce((highest, message) => Math.max(highest, message.position), 0);
  return { step: steps, position: last + 1 };
}
