// No zod here: browsers import this file alone, as `@boocode/contracts/position`.

/** One attempt of a turn. Ordered by (ordinal, attempt); the nonce only distinguishes equal pairs. */
export interface Epoch {
  ordinal: number;
  attempt: number;
  /** Random at every claim, so that a frame log left by another database is never taken for one of this database. */
  nonce: string;
}

/** A position in a session's turn frames: all frames up to and including `seq` of `epoch` have been seen. */
export interface Position {
  epoch: Epoch;
  seq: number;
}

/** The position before the first frame of a session. */
export const START: Position = { epoch: { ordinal: 0, attempt: 0, nonce: "0" }, seq: 0 };

/** The text form of a position: `ordinal.attempt.nonce.seq`. */
export const CURSOR = /^(\d{1,10})\.(\d{1,6})\.([0-9a-z]{1,32})\.(\d{1,12})$/;

export function formatCursor({ epoch, seq }: Position): string {
  return `${epoch.ordinal}.${epoch.attempt}.${epoch.nonce}.${seq}`;
}

/** @returns null when the text is not a cursor. */
export function parseCursor(text: string): Position | null {
  const match = CURSOR.exec(text);
  if (!match) return null;
  const [, ordinal, attempt, nonce, seq] = match;
  return {
    epoch: { ordinal: Number(ordinal), attempt: Number(attempt), nonce: nonce as string },
    seq: Number(seq),
  };
}

export function sameEpoch(a: Epoch, b: Epoch): boolean {
  return a.ordinal === b.ordinal && a.attempt === b.attempt && a.nonce === b.nonce;
}

/** Negative when `a` is older. Epochs that differ only in their nonces compare as equal. */
export function compareEpochs(a: Epoch, b: Epoch): number {
  return a.ordinal - b.ordinal || a.attempt - b.attempt;
}

/**
 * The cursor rule, the same in the gateway, in a client and in the model checker.
 *
 * `next`: apply the frame and move the cursor. `old`: drop it. `misfit`: there is a gap before it, or it has another epoch, and
 * only joining again supplies what is missing (D3: a live frame applies only if contiguous).
 *
 * @param frame the position of the frame; a merged delta covers `firstSeq … seq`
 */
export function classifyPosition(cursor: Position, frame: Position & { firstSeq?: number }): "next" | "old" | "misfit" {
  if (sameEpoch(cursor.epoch, frame.epoch)) {
    if (frame.seq <= cursor.seq) return "old";
    return (frame.firstSeq ?? frame.seq) === cursor.seq + 1 ? "next" : "misfit";
  }
  return compareEpochs(frame.epoch, cursor.epoch) < 0 ? "old" : "misfit";
}
