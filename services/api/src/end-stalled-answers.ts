import type { FastifyInstance } from "fastify";

/** A client that takes no byte of an answer for this time is gone. */
export const STALL_MS = 30_000;

/**
 * Ends an answer of which the client takes nothing for `stallMs`, at the latest after twice this time: node looks once in each
 * period whether anything was taken. Otherwise the memory of the answer would be held for as long as the client likes.
 */
export function endStalledAnswers(app: FastifyInstance, stallMs: number): void {
  app.addHook("onSend", async (_request, { raw }, payload) => {
    // Node sets the time-out of the next request again.
    raw.setTimeout(stallMs, () => void raw.destroy());
    return payload;
  });
}
