// PURE
import type { Fault, Scope } from "./rules.ts";

/** What a gateway or a client hears of, so that it can join again by itself. */
const NOTICED: readonly Fault[] = [
  "resend",
  "flush",
  "trim",
  "kill worker",
  "lose lease",
  "drop subscriber",
  "restart gateway",
  "break socket",
  "load by REST",
];
const ALL: readonly Fault[] = [
  ...NOTICED,
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
  scripts: ["a+b!"],
  viewers: 1,
  faults: 2,
  kinds: ALL,
  maxCrashes: 2,
  channel: 1,
  lead: 0,
  without: [],
  strangersLog: "",
  ...rest,
});

export const SCOPES = {
  /** Every fault, one turn of two steps. */
  oneTurn: scope("one turn", {}),
  twoTurns: scope("two turns", { scripts: ["a!", "b!"] }),
  twoViewers: scope("two viewers", { scripts: ["a!"], viewers: 2 }),
  /**
   * Without the position check, and without the faults that only it can find. It would hide almost every other defect of
   * the gateway from D7, two seconds late; what somebody notices must be repaired when it is noticed.
   */
  noticed: scope("noticed faults, no position check", { kinds: NOTICED, without: ["positionCheck"] }),
  /** Another database used the same Redis, and the session had the same id there. */
  stranger: scope("a stranger's log", { scripts: ["a!"], faults: 1, strangersLog: "11z1*11z2Z" }),
};
