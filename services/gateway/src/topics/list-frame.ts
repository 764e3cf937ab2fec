// PURE
import type { Envelope } from "@boocode/frame-log";

/** A published change of a list. Types that are newer than this gateway pass through. */
export interface ListFrame {
  type: string;
  /** Of the list on whose channel it was published. */
  version: number;
  /** @returns the frame as JSON, with its version in the user's lists */
  withVersion(version: number): string;
}

/** @returns null for what is no change of a list */
export function toListFrame(envelope: Envelope): ListFrame | null {
  if (envelope.kind !== "structure") return null;
  const parsed = parse(envelope.json);
  if (!parsed) return null;
  const { version: _, type, ...rest } = parsed;
  const tail = JSON.stringify(rest).slice(1);
  return {
    type,
    version: envelope.version,
    withVersion: (version) => `{"type":${JSON.stringify(type)},"version":${version}${tail === "}" ? "" : ","}${tail}`,
  };
}

function parse(json: string): { version: number; type: string } | null {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}
