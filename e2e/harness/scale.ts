/** `npm run faults` runs each fault test at full size, `npm test` a smaller one of the same kind, which takes seconds. */
export const isFull = process.env.FAULTS === "full";

export const size = (inTests: number, inFull: number): number => (isFull ? inFull : inTests);
