// PURE
import { FAULTS, type Fault, type Scope } from "./rules.ts";

/** Faults that a gateway or a client notices, so that it joins again by itself. */
const NOTICED: readonly Fault[] = [
  "resend",
  "flush",
  "trim",
  "kill worker",
  "lose lease",
  "cancel",
  "drop subscriber",
  "restart gateway",
  "break socket",
  "load by REST",
];

const scope = (name: string, rest: Partial<Scope>): Scope => ({
  name,
  scripts: ["a!"],
  subscribers: 1,
  faults: 2,
  kinds: FAULTS,
  free: [],
  maxCrashes: 2,
  channel: 1,
  lead: 0,
  sharesReads: false,
  without: [],
  strangersLog: "",
  ...rest,
});

/** A reconciler can be killed only at the end of a turn that was cancelled or that ran out of attempts. */
const GIVEN_UP: readonly Fault[] = ["cancel", "kill reconciler"];

/*
 * Each scope is small enough to be explored fully in seconds, and covers what the others leave out.
 */

/** Scopes about turns. In one or another, every pair of fault kinds (also of one kind) is on one path; the test checks this. */
export const TURNS = {
  /** A later attempt begins after a committed step, so that its log lacks the beginning. All kinds of faults can happen. */
  twoSteps: scope("a turn of two steps, any two faults", { scripts: ["a+b!"] }),
  /** A second commit can be late as well. */
  threeSteps: scope("a turn of three steps, any two faults", { scripts: ["++!"] }),
  /** A fault that can happen only once to a turn can happen to both turns. With text there would be too many states. */
  twoTurns: scope("two turns without text, any two faults", { scripts: ["!", "!"] }),
  talkingTurns: scope("two turns with text, any fault", { scripts: ["a!", "b!"], faults: 1 }),
  /** A killed reconciler needs a third fault: the cancel that gave it a turn to end. */
  givenUp: scope("a turn that is given up, and any other fault", { scripts: ["a+b!"], faults: 1, free: GIVEN_UP }),
  /** Both turns are given up, or one of them while the other ends by itself. */
  bothGivenUp: scope("two turns that are given up, and a fault at an end", {
    scripts: ["!", "!"],
    faults: 1,
    kinds: [...GIVEN_UP, "kill worker at the end", "break socket"],
    free: GIVEN_UP,
  }),
} as const;

/** Scopes about what lies between turns and subscribers. */
export const WATCHING = {
  /** Several frames wait in the worker and in the channel. */
  backlog: scope("a backlog, any two faults", { channel: 2, lead: 1 }),
  sharing: scope("a cached read, any two faults", { sharesReads: true }),
  twoSubscribers: scope("two subscribers of a turn without text, any two faults", {
    scripts: ["!"],
    subscribers: 2,
    sharesReads: true,
  }),
  twoReaders: scope("two subscribers of a turn with text, any fault", {
    subscribers: 2,
    faults: 1,
    sharesReads: true,
  }),
  /**
   * Without the position check, and without the faults that only it can find. The check would repair almost every other defect
   * of the gateway two seconds later, and so hide it from D7. A fault that is noticed must be repaired at once.
   */
  noticed: scope("two noticed faults, no position check", {
    kinds: NOTICED,
    sharesReads: true,
    without: ["positionCheck"],
  }),
  /** Every frame of a turn is lost, or the end of one and the beginning of the next. */
  threeTurns: scope("three turns without text, two lost frames", {
    scripts: ["!", "!", "!"],
    kinds: ["lose", "kill worker", "restart gateway"],
  }),
  /** Another database used the same Redis, with the same session id. */
  stranger: scope("the log of another database, any two faults", { strangersLog: "11z1*11z2Z" }),
} as const;
