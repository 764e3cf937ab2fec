// PURE
import type { Fault, Scope } from "./rules.ts";

/** What a gateway or a client hears of, so that it can join again by itself. */
const NOTICED: readonly Fault[] = [
  "resend",
  "flush",
  "trim",
  "kill worker",
  "drop subscriber",
  "restart gateway",
  "break socket",
  "load by REST",
];
const ALL: readonly Fault[] = [
  ...NOTICED,
  "lose lease",
  "kill worker at the end",
  "lose",
  "refuse",
  "kill reconciler",
  "late write",
  "cancel",
  "delete messages",
];

const scope = (name: string, rest: Partial<Scope>): Scope => ({
  name,
  scripts: ["a!"],
  viewers: 1,
  faults: 1,
  kinds: ALL,
  maxCrashes: 2,
  channel: 1,
  lead: 0,
  sharesReads: false,
  without: [],
  strangersLog: "",
  ...rest,
});

/**
 * Less two, for the sake of time: what a trim leaves, a flush before the newest append leaves too; and loading by REST meets
 * every other fault that a gateway notices in the scope for those.
 */
const PAIRED = ALL.filter((kind) => kind !== "trim" && kind !== "load by REST");

/** Small enough to be exhausted in seconds, and each for what the others leave out. */
export const SCOPES = {
  twoFaults: scope("a turn of three frames, any two faults", { faults: 2, kinds: PAIRED }),
  /** A later attempt begins after a committed step, so that its log does not tell the whole turn. */
  twoSteps: scope("a turn of two steps", { scripts: ["a+b!"] }),
  /** More than one frame at a time waits in the worker and in the channel. */
  backlog: scope("a backlog", { channel: 2, lead: 1 }),
  twoTurns: scope("two turns", { scripts: ["a!", "b!"], kinds: ["lose", "break socket", "kill worker"] }),
  twoViewers: scope("two viewers", { viewers: 2, sharesReads: true }),
  /**
   * Without the position check, and without the faults that only it can find. It would hide almost every other defect of
   * the gateway from D7, two seconds late; what somebody notices must be repaired when it is noticed.
   */
  noticed: scope("two noticed faults, no position check", {
    faults: 2,
    kinds: NOTICED,
    sharesReads: true,
    without: ["positionCheck"],
  }),
  /** Another database used the same Redis, and the session had the same id there. */
  stranger: scope("a stranger's log", { faults: 2, strangersLog: "11z1*11z2Z" }),
} as const;
