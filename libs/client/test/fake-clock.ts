import type { Clock } from "../src/clock.ts";

/** A clock that the test advances. */
export interface FakeClock extends Clock {
  /** Advances time and runs due timers in order, letting promises settle in between. */
  advance(ms: number): Promise<void>;
  /** Pending timers. */
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
