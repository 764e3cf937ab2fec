import { setTimeout as sleep } from "node:timers/promises";
import { nowUs, type Script } from "../stamp.ts";
import type { Asker, Turn } from "./turns.ts";

/**
 * Each session asks again as soon as its turn is over. Starts are spread over the first second.
 * @param until no session asks again after these seconds and turns
 */
export async function closedLoop(
  askers: Asker[],
  script: Script,
  until: { seconds: number; turns: number },
): Promise<Turn[]> {
  const done: Turn[] = [];
  const start = nowUs();
  let asked = 0;
  const isOver = () => nowUs() - start > until.seconds * 1e6 && asked >= until.turns;
  await Promise.all(
    askers.map(async (asker, index) => {
      await sleep((index / askers.length) * Math.min(1, until.seconds) * 1_000);
      do {
        asked++;
        const turn = await asker.ask(script);
        done.push(turn);
        if (turn.failure) await sleep(200);
      } while (!isOver());
    }),
  );
  return done;
}

/** Asks at a fixed rate, in one session after the other, whether or not earlier turns are over. */
export async function openLoop(
  askers: Asker[],
  script: Script,
  { perSecond, turns }: { perSecond: number; turns: number },
): Promise<Turn[]> {
  const asked: Promise<Turn>[] = [];
  const start = nowUs();
  while (asked.length < turns) {
    const due = Math.floor(((nowUs() - start) / 1e6) * perSecond) + 1;
    while (asked.length < Math.min(due, turns)) asked.push((askers[asked.length % askers.length] as Asker).ask(script));
    await sleep(1);
  }
  return await Promise.all(asked);
}
