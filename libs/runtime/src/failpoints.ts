import { writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";

/**
 * A named place between a commit and the step after it. Off, it costs one look into an empty map; armed by `FAULT_POINTS`, it
 * does there what a test wants to see survived.
 */
export type Failpoint = (name: string) => Promise<void> | void;

/** `kill`: SIGKILL to this process. `stop`: SIGSTOP. `throw`: an error. A number: so many milliseconds of waiting. */
type Act = "kill" | "stop" | "throw" | number;

/** A point that acts, once, when it is passed the n-th time. */
export interface ArmedFailpoint {
  name: string;
  nth: number;
  act: Act;
}

const ENTRY = /^([a-z-]+)(?:@(\d+))?:(?:(kill|stop|throw)|(\d+))$/;

/** `name:act` pairs separated by commas, as in `after-claim:kill,after-step-commit@2:500`; `@n` is 1 where it is left out. */
export const failpoints = z
  .string()
  .default("")
  .transform((setting) => setting.split(",").filter((entry) => entry !== ""))
  .refine((entries) => entries.every((entry) => ENTRY.test(entry)), "must be name:act pairs, separated by commas")
  .transform((entries) =>
    entries.map((entry): ArmedFailpoint => {
      const [, name, nth, word, ms] = ENTRY.exec(entry) as RegExpExecArray;
      return { name: name as string, nth: Number(nth ?? 1), act: (word as Act | undefined) ?? Number(ms) };
    }),
  );

export function createFailpoints(points: readonly ArmedFailpoint[]): Failpoint {
  const armed = new Map(points.map(({ name, nth, act }) => [name, { act, passesLeft: nth }]));
  if (armed.size === 0) return () => {};

  return async (name) => {
    const point = armed.get(name);
    if (!point) return;
    point.passesLeft -= 1;
    if (point.passesLeft > 0) return;
    armed.delete(name);
    // Written at once and past the logger: a killed process flushes nothing, and a test must see that the point fired.
    writeSync(2, `failpoint ${name} fired\n`);
    if (point.act === "kill") process.kill(process.pid, "SIGKILL");
    else if (point.act === "stop") process.kill(process.pid, "SIGSTOP");
    else if (point.act === "throw") throw new Error(`failpoint ${name}`);
    else await delay(point.act);
  };
}
