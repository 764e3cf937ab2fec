import type { Lab } from "../lab.ts";
import { openAsker } from "../load/turns.ts";
import { type BooCode, WINDOW } from "../peers/boocode.ts";
import type { Program } from "../programs.ts";
import { median, quantile } from "../report/statistics.ts";
import { fillSession } from "./fill-session.ts";

/*
 * Does a long session cost more than a fresh one before its model is asked? The time from the post to the arrival of the
 * model call, in sessions of 1,000 and 10,000 messages, as a ratio to a fresh session. Medians of one run that alternates between the
 * sessions, starting with another one in each round.
 */
export async function history(lab: Lab): Promise<void> {
  const { smoke, turns, base } = lab.options;
  for (const name of ["boocode", ...(base ? ["base"] : [])]) {
    await lab.withBooCode(name, async (boocode, model) => {
      const ask = askAndTime(boocode, model);
      // Several sessions of each kind, because access to a session's row gets slower with every turn until it is vacuumed, however
      // long the session is.
      const filled = async (count: number, messages: number) => {
        const ids = await Promise.all(Array.from({ length: count }, () => boocode.newSession(0)));
        for (const id of ids) await fillSession(boocode.sql, id, boocode.users[0]?.id ?? "", messages);
        return ids;
      };
      const long: Record<string, string[]> = smoke
        ? { "40 messages": await filled(1, 40) }
        : { "1,000 messages": await filled(16, 1_000), "10,000 messages": await filled(8, 10_000) };
      await boocode.sql`vacuum analyze`;
      for (let warm = 0; warm < (smoke ? 1 : 15); warm++) await ask(await boocode.newSession(0));
      // The first request of a session whose conversation was never cut reads more, to find where to cut it. Each is paired with one
      // of a fresh session.
      const first = new Map<string, { own: number[]; fresh: number[] }>();
      for (const [kind, ids] of Object.entries(long)) {
        const taken = { own: [] as number[], fresh: [] as number[] };
        for (const id of ids) {
          taken.fresh.push((await ask(await boocode.newSession(0))).ms);
          taken.own.push((await ask(id)).ms);
        }
        first.set(kind, taken);
      }
      const kinds = ["fresh", ...Object.keys(long)];
      const times = new Map(kinds.map((kind) => [kind, [] as { ms: number; bytes: number }[]]));
      for (let sample = 0; sample < turns; sample++) {
        for (let place = 0; place < kinds.length; place++) {
          const kind = kinds[(place + sample) % kinds.length] as string;
          // Created before every request, even if it is not used: meanwhile the work after the previous turn's end is done.
          const fresh = await boocode.newSession(0);
          times.get(kind)?.push(await ask(long[kind]?.[sample % long[kind].length] ?? fresh));
        }
      }
      const of = (kind: string, part = 0.5) =>
        quantile(
          (times.get(kind) ?? []).map(({ ms }) => ms),
          part,
        );
      const rows = kinds.map((kind) => {
        const cold = first.get(kind);
        return {
          session: kind,
          "request KB": median((times.get(kind) ?? []).map(({ bytes }) => bytes / 1000)),
          "ms to the model": of(kind),
          "× fresh": of(kind) / of("fresh"),
          "lower quartiles ×": of(kind, 0.25) / of("fresh", 0.25),
          "its first request ×": cold ? median(cold.own) / median(cold.fresh) : Number.NaN,
        };
      });
      for (const row of rows) lab.record("history", { peer: name, ...row });
      lab.table(`history: ${name}, ${turns} turns in each kind of session, window ${WINDOW}`, rows);
    });
  }
}

/** @returns a function that asks once in a session: the ms from the post to the model's request, and the size of the request */
export function askAndTime(
  boocode: BooCode,
  model: Program,
): (sessionId: string) => Promise<{ ms: number; bytes: number }> {
  const arrived = new Map<string, { atUs: number; bytes: number }>();
  model.onMessage(({ turn, arrivedUs, bytes }) => {
    if (typeof turn === "string") arrived.set(turn, { atUs: Number(arrivedUs), bytes: Number(bytes) });
  });
  return async (sessionId) => {
    const asker = await openAsker((heard) => boocode.openKnown(0, sessionId, heard));
    const turn = await asker.ask({ tokens: 1, gapMs: 0, ttftMs: 0 });
    asker.close();
    const seen = arrived.get(turn.id);
    if (turn.failure || !seen) throw new Error(`a turn failed: ${turn.failure}`);
    return { ms: (seen.atUs - turn.postedUs) / 1000, bytes: seen.bytes };
  };
}
