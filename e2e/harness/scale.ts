/** `npm run faults` runs each fault test at full size; `npm test` runs a smaller version that takes seconds. */
export const isFull = process.env.FAULTS === "full";

export const size = (inTests: number, inFull: number): number => (isFull ? inFull : inTests);
