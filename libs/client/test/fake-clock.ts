import type { Clock } from "../src/clock.ts";

/** A clock that goes when it is told to. */
export interface FakeClock extends Clock {
  /** Lets time pass, running what falls due in order, with room for promises between. */
  advance(ms: number): Promise<void>;
  /** Timers that wait. */
  pending(): number;
}

export function createFakeClock(): FakeClock {
  let time = 0;
  let ids = 0;
  const timers = new Map<number, { at: number; run: () => void }>();
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

  return {
    now: () => time,
    setTimeout(run, ms) {
      ids += 1;
      timers.set(ids, { at: time + ms, run });
      return ids;
    },
    clearTimeout: (id) => void timers.delete(id as number),
    pending: () => timers.size,
    async advance(ms) {
      const until = time + ms;
      await settle();
      for (;;) {
        const due = [...timers].filter(([, timer]) => timer.at <= until).sort((a, b) => a[1].at - b[1].at)[0];
        if (!due) break;
        timers.delete(due[0]);
        time = Math.max(time, due[1].at);
        due[1].run();
        await settle();
      }
      time = until;
    },
  };
}
