import { randomInt } from "node:crypto";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** An id for a tool call that came without one. The nine letters and digits are what Mistral asks of an id. */
export function newCallId(): string {
  let id = "call_";
  for (let place = 0; place < 9; place++) id += ALPHABET[randomInt(ALPHABET.length)];
  return id;
}
