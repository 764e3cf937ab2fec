import { writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";

/**
 * A named place between a commit and the next step. Unarmed, it costs one call of an empty function; armed by `FAULT_POINTS`,
 * it acts there as a test demands.
 */
export type Failpoint = (name: string) => Promise<void> | void;

/** `kill`: SIGKILL to this process. `stop`: SIGSTOP. `throw`: an error. A number: a delay in milliseconds. */
type Act = "kill" | "stop" | "throw" | number;

/** A failpoint that acts once, when it is passed for the n-th time. */
export interface ArmedFailpoint {
  name: string;
  nth: number;
  act: Act;
}

const ENTRY = /^([a-z-]+)(?:@(\d+))?:(?:(kill|stop|throw)|(\d+))$/;

/** `name:act` pairs, separated by commas, as in `after-claim:kill,after-step-commit@2:500`; `@n` defaults to 1. */
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
    // Written synchronously, without the logger: a killed process flushes nothing, and tests wait for this line.
    writeSync(2, `failpoint ${name} fired\n`);
    if (point.act === "kill") process.kill(process.pid, "SIGKILL");
    else if (point.act === "stop") process.kill(process.pid, "SIGSTOP");
    else if (point.act === "throw") throw new Error(`failpoint ${name}`);
    else await delay(point.act);
  };
}
