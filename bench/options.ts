import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { repositoryRoot } from "@boocode/backing-services";

/** What the command line says; a benchmark has its own defaults for what is undefined. */
export interface Options {
  /** Tiny: to see that a benchmark works, not to measure. */
  smoke: boolean;
  peers: string[];
  /** Another checkout, built, which is measured beside this one. */
  base: string | undefined;
  /** How many users the sessions belong to. */
  users: number;
  /** `on`: USER_LIMITS with its defaults. */
  limits: "on" | "off";
  levels: number[] | undefined;
  seconds: number | undefined;
  repetitions: number;
  /** A level lasts until this many turns are over, in all repetitions together. */
  turns: number;
  /** The folder for results and plots. */
  out: string;
}

/** @throws when an option is unknown or not a number */
export function readOptions(args: string[]): { names: string[]; options: Options } {
  const text = { type: "string" } as const;
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      ...{ levels: text, seconds: text, repetitions: text, turns: text, users: text, limits: text },
      ...{ base: text, peers: text, out: text, smoke: { type: "boolean" } },
    },
  });
  const smoke = values.smoke ?? false;
  const number = (name: "seconds" | "repetitions" | "turns" | "users") => {
    const given = values[name];
    if (given !== undefined && !(Number(given) > 0)) throw new Error(`--${name} must be a number above 0`);
    return given === undefined ? undefined : Number(given);
  };
  const limits = values.limits ?? "off";
  if (limits !== "on" && limits !== "off") throw new Error("--limits must be on or off");
  const peers = values.peers?.split(",") ?? ["direct", "plain", ...(values.base ? ["base"] : []), "boocode"];
  const levels = values.levels?.split(",").map(Number);
  if (levels?.some((level) => !(level > 0))) throw new Error("--levels must be numbers above 0, separated by commas");
  return {
    names: positionals,
    options: {
      ...{ smoke, peers, limits, levels, base: values.base === undefined ? undefined : resolve(values.base) },
      seconds: number("seconds") ?? (smoke ? 0.2 : undefined),
      users: number("users") ?? 1,
      repetitions: number("repetitions") ?? (smoke ? 1 : 3),
      turns: number("turns") ?? (smoke ? 1 : 40),
      out: resolve(values.out ?? `${repositoryRoot}/.data/bench`),
    },
  };
}
