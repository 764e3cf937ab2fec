import type { NotReadyReason, Ready } from "@boocode/contracts";
import { withDeadline } from "../with-deadline.ts";
import { type DependencyName, dependencyOf, reasonOf } from "./failure-reason.ts";
import type { Logger } from "./logger.ts";

/** What a process needs in order to do its work, by name: whether each part works, and one log line when that changes. */
export interface Dependencies {
  /**
   * @param check does with the dependency what the process does, leaves nothing behind, and throws, or returns false, when it
   *   cannot
   */
  add(name: string, check: () => unknown): void;
  /** Runs all checks in parallel, each for at most one second. The answer is kept for two seconds. */
  readiness(): Promise<Ready>;
  /**
   * Takes note of a failure. The beginning of an outage, each further reason and the end are logged; other failures are not.
   * @param dependency the one that failed; default: the one whose client made the error
   * @returns false when no dependency failed
   */
  report(error: unknown, dependency?: DependencyName): boolean;
  stop(): void;
}

const CHECK_MS = 1_000;
const READINESS_TTL_MS = 2_000;
/** Once an outage has begun, the dependency is checked in this interval, until it works again. */
const PROBE_MS = 1_000;
/**
 * A check can succeed although some commands fail. When an outage begins this soon after the end of another, it is checked half
 * as often as that, so that such a fault does not fill the log.
 */
const RECURRENCE_MS = 60_000;

interface Outage {
  began: number;
  reasons: Set<NotReadyReason>;
  failures: number;
}

export function createDependencies(log: Logger, now: () => number = () => performance.now()): Dependencies {
  const checks = new Map<string, () => unknown>();
  const outages = new Map<string, Outage>();
  const recoveries = new Map<string, { at: number; probeMs: number }>();
  const probes = new Set<NodeJS.Timeout>();
  let latest: { at: number; answer: Promise<Ready> } | null = null;

  /** @returns null when the dependency works */
  async function failureOf(check: () => unknown): Promise<{ error: unknown; reason: NotReadyReason } | null> {
    try {
      const answer = await withDeadline(CHECK_MS, "a check", (async () => check())());
      return answer === false ? { error: undefined, reason: "unreachable" } : null;
    } catch (error) {
      return { error, reason: reasonOf(error) };
    }
  }

  async function checkAll(): Promise<Ready> {
    const results = await Promise.all(
      [...checks].map(async ([name, check]) => ({ name, down: await failureOf(check) })),
    );
    // A check that returns false looks at a connection whose loss is reported by others.
    for (const { name, down } of results) if (down?.error) note(name, down.reason, down.error);
    const reasons = results.flatMap(({ name, down }) => (down ? [[name, down.reason]] : []));
    return {
      status: reasons.length === 0 ? "ready" : "not_ready",
      dependencies: Object.fromEntries(results.map(({ name, down }) => [name, down ? "down" : "ok"])),
      ...(reasons.length > 0 && { reasons: Object.fromEntries(reasons) }),
    };
  }

  function note(name: string, reason: NotReadyReason, err: unknown): void {
    const outage = outages.get(name) ?? begin(name);
    outage.failures += 1;
    if (outage.reasons.has(reason)) return;
    outage.reasons.add(reason);
    log.warn({ err, dependency: name, reason }, "a dependency does not work; only its next change is logged");
  }

  function begin(name: string): Outage {
    const outage = { began: now(), reasons: new Set<NotReadyReason>(), failures: 0 };
    outages.set(name, outage);
    const last = recoveries.get(name);
    const recurs = last !== undefined && now() - last.at < RECURRENCE_MS;
    probe(name, outage, recurs ? Math.min(2 * last.probeMs, RECURRENCE_MS) : PROBE_MS);
    return outage;
  }

  function probe(name: string, outage: Outage, ms: number): void {
    const timer = setTimeout(async () => {
      probes.delete(timer);
      if (await failureOf(() => checks.get(name)?.())) return probe(name, outage, ms);
      outages.delete(name);
      recoveries.set(name, { at: now(), probeMs: ms });
      const { began, failures } = outage;
      log.info({ dependency: name, outage_ms: Math.round(now() - began), failures }, "a dependency works again");
    }, ms);
    timer.unref();
    probes.add(timer);
  }

  return {
    add: (name, check) => void checks.set(name, check),
    readiness() {
      if (!latest || now() - latest.at >= READINESS_TTL_MS) latest = { at: now(), answer: checkAll() };
      return latest.answer;
    },
    report(error, dependency) {
      const name = dependency ?? dependencyOf(error);
      if (name === null || !checks.has(name)) return false;
      latest = null;
      note(name, reasonOf(error), error);
      return true;
    },
    stop() {
      for (const timer of probes) clearTimeout(timer);
    },
  };
}
