import { randomBytes } from "node:crypto";

/** What tells an attempt apart from every other that has the same numbers: 40 random bits, in a cursor's alphabet. */
export const newNonce = () => randomBytes(5).readUIntBE(0, 5).toString(36);
