// PURE

/** A stream's text and its last draft. */
export interface DraftAge {
  /** Characters of the text, and of the last draft; 0 before the first one. */
  length: number;
  savedLength: number;
  /** Milliseconds since the last draft, or since the stream's first text. */
  ageMs: number;
}

/** A draft is saved at the latest after this time: what subscribers miss while Redis is away, and what a crash can cost. */
export const MAX_DRAFT_AGE_MS = 2_000;
/** The share by which the text has grown since the last draft. */
const GROWTH = 0.5;

/**
 * Whether to save a draft. A draft holds the whole text, so at a fixed interval what is written grows with the square of the
 * answer's length. Drafts that each are longer than the last by half add up to at most three times the answer.
 * @param intervalMs the shortest interval between two drafts
 */
export function isDraftDue({ length, savedLength, ageMs }: DraftAge, intervalMs: number): boolean {
  if (ageMs < intervalMs) return false;
  return length >= savedLength * (1 + GROWTH) || ageMs >= MAX_DRAFT_AGE_MS;
}
