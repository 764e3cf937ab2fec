import { encodeFrame, formatCursor, type Position, parseCursor } from "@boocode/contracts";

/**
 * What is published: a header (cursor or version), a line feed, and the frame as JSON. A gateway reads the header and relays
 * the JSON without parsing it, so that frame types newer than the gateway pass through.
 */
export type Envelope =
  | { kind: "turn"; position: Position; json: string }
  | { kind: "structure"; version: number; json: string };

export function sealTurnFrame(position: Position, frame: object): string {
  return `${formatCursor(position)}\n${encodeFrame(frame)}`;
}

export function sealVersionedFrame(frame: { version: number }): string {
  return `v${frame.version}\n${encodeFrame(frame)}`;
}

const VERSION = /^v(\d{1,15})$/;

/** @returns null for bytes that are not an envelope */
export function openEnvelope(bytes: string): Envelope | null {
  const end = bytes.indexOf("\n");
  if (end < 1) return null;
  const head = bytes.slice(0, end);
  const json = bytes.slice(end + 1);
  const version = VERSION.exec(head)?.[1];
  if (version !== undefined) return { kind: "structure", version: Number(version), json };
  const position = parseCursor(head);
  return position && { kind: "turn", position, json };
}
