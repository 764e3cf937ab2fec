// PURE
import { FAULTS, type Fault, type Scope } from "./rules.ts";

/** What a gateway or a client hears of, so that it can join again by itself. */
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

/** A reconciler has nothing to be killed at but the end of a turn that somebody gave up. */
const GIVEN_UP: readonly Fault[] = ["cancel", "kill reconciler"];

/*
 * All scopes are small enough to be exhausted in seconds, and each is for what the others leave out.
 */

/** What becomes of turns. In these together every kind of fault meets every kind, itself too: the test counts it. */
export const TURNS = {
  /** A later attempt begins after a committed step, so that its log does not tell the whole turn. All kinds can happen. */
  twoSteps: scope("a turn of two steps, any two faults", { scripts: ["a+b!"] }),
  /** A second commit may be late as well. */
  threeSteps: scope("a turn of three steps, any two faults", { scripts: ["++!"] }),
  /** What can happen to a turn once can happen to each of two. Words would be too many states. */
  twoTurns: scope("two turns without words, any two faults", { scripts: ["!", "!"] }),
  talkingTurns: scope("two turns with words, any fault", { scripts: ["a!", "b!"], faults: 1 }),
  /** With a reconciler that is killed goes, as a third, the cancel that gave it something to do. */
  givenUp: scope("a turn given up, any fault beside", { scripts: ["a+b!"], faults: 1, free: GIVEN_UP }),
  /** Both turns, or one beside a turn that came to its own end. */
  bothGivenUp: scope("two turns given up, a fault at an end beside", {
    scripts: ["!", "!"],
    faults: 1,
    kinds: [...GIVEN_UP, "kill worker at the end", "break socket"],
    free: GIVEN_UP,
  }),
} as const;

/** What is between turns and those who watch. */
export const WATCHING = {
  /** More than one frame at a time waits in the worker and in the channel. */
  backlog: scope("a backlog, any two faults", { channel: 2, lead: 1 }),
  sharing: scope("reads that are shared, any two faults", { sharesReads: true }),
  twoSubscribers: scope("two subscribers of a turn without words, any two faults", {
    scripts: ["!"],
    subscribers: 2,
    sharesReads: true,
  }),
  twoReaders: scope("two subscribers of a turn with words, any fault", {
    subscribers: 2,
    faults: 1,
    sharesReads: true,
  }),
  /**
   * Without the position check, and without the faults that only it can find. It would hide almost every other defect of
   * the gateway from D7, two seconds late; what somebody notices must be repaired when it is noticed.
   */
  noticed: scope("two noticed faults, no position check", {
    kinds: NOTICED,
    sharesReads: true,
    without: ["positionCheck"],
  }),
  /** Another database used the same Redis, and the session had the same id there. */
  stranger: scope("a stranger's log, any two faults", { strangersLog: "11z1*11z2Z" }),
} as const;
