import { writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/**
 * A named place between a commit and the step after it. Off, it costs one look into an empty map; armed by `FAULT_POINTS`, it
 * does there what a test wants to see survived.
 */
export type FaultPoint = (name: string) => Promise<void> | void;

/** `kill`: SIGKILL to this process. `stop`: SIGSTOP. `throw`: an error. A number: so many milliseconds of waiting. */
type Act = "kill" | "stop" | "throw" | number;

/**
 * @param setting `name:act` pairs separated by commas, as in `after-claim:kill,after-step-commit@2:500`; with `@n` the point
 * acts when it is passed the n-th time, and it acts once
 * @throws when the setting makes no sense
 */
export function createFaultPoints(setting: string | undefined): FaultPoint {
  const armed = new Map<string, { act: Act; passesLeft: number }>();
  for (const entry of (setting ?? "").split(",").filter((text) => text !== "")) {
    const match = /^([a-z-]+)(?:@(\d+))?:(?:(kill|stop|throw)|(\d+))$/.exec(entry);
    if (!match) throw new Error(`FAULT_POINTS: ${entry} is not name:act`);
    const [, name, nth, word, ms] = match;
    armed.set(name as string, { act: (word as Act | undefined) ?? Number(ms), passesLeft: Number(nth ?? 1) });
  }
  if (armed.size === 0) return () => {};

  return async (name) => {
    const point = armed.get(name);
    if (!point) return;
    point.passesLeft -= 1;
    if (point.passesLeft > 0) return;
    armed.delete(name);
    // Written at once and past the logger: a killed process flushes nothing, and a test must see that the point fired.
    writeSync(2, `fault point ${name} fired\n`);
    if (point.act === "kill") process.kill(process.pid, "SIGKILL");
    else if (point.act === "stop") process.kill(process.pid, "SIGSTOP");
    else if (point.act === "throw") throw new Error(`fault point ${name}`);
    else await delay(point.act);
  };
}
