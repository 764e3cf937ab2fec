/**
 * `npm run faults` stages each fault in its full size; `npm test` a smaller one of the same kind, so that it stays a matter
 * of minutes.
 */
export const isFull = process.env.FAULTS === "full";

export const size = (inTests: number, inFull: number): number => (isFull ? inFull : inTests);
