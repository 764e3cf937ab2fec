import type { Ending } from "../reply/response-writer.ts";

/** The last requests that are kept, and how many of them keep their body. */
export const KEEP_RECORDS = 10_000;
export const KEEP_BODIES = 1000;
/** Limits the memory of a few huge conversations. */
const KEEP_BODY_CHARS = 64 * 1024 * 1024;

/** One chat request as the server saw it. Times are epoch milliseconds. */
export interface RecordedRequest {
  /** 1, 2, … in order of arrival; a reset does not restart it. */
  id: number;
  at: number;
  model: string;
  /** A script's name, `directive`, `investigator` or `title`. */
  answeredBy: string;
  key: string;
  step: number;
  attempt: number;
  stream: boolean;
  toolChoice: unknown;
  offeredTools: string[];
  /** null when it is no longer kept. */
  body: unknown;
  violations: string[];
  /** Content tokens sent so far. */
  tokensSent: number;
  ending: Ending | null;
  endedAt: number | null;
  /** Generation continues after the client has disconnected. */
  survives: boolean;
}

type Arrival = Omit<RecordedRequest, "id" | "at" | "tokensSent" | "ending" | "endedAt" | "survives">;

export interface Violation {
  /** The id of the request; 0 for a request that could not be answered and was not recorded. */
  request: number;
  model: string;
  rule: string;
}

export interface Records {
  /** @param size length of the body in characters, for the memory limit */
  add(arrival: Arrival, size: number): RecordedRequest;
  /** Adds the violations of a request that is not recorded. */
  addUnanswered(model: string, rules: string[]): void;
  finish(record: RecordedRequest, ending: Ending): void;
  all(): RecordedRequest[];
  /** The violations of all requests; a reset keeps them, so that a test can check them once at its end. */
  violations(): Violation[];
  /** Resolves with the first past or future request that matches. */
  until(matches: (request: RecordedRequest) => boolean): Promise<RecordedRequest>;
  reset(): void;
}

interface Watcher {
  matches: (request: RecordedRequest) => boolean;
  resolve: (request: RecordedRequest) => void;
}

export function createRecords(now: () => number): Records {
  let records: RecordedRequest[] = [];
  let bodies: Array<{ record: RecordedRequest; size: number }> = [];
  let chars = 0;
  let violations: Violation[] = [];
  let lastId = 0;
  let watchers: Watcher[] = [];

  function notify(record: RecordedRequest): void {
    const matching = watchers.filter((watcher) => watcher.matches(record));
    if (matching.length === 0) return;
    watchers = watchers.filter((watcher) => !matching.includes(watcher));
    for (const watcher of matching) watcher.resolve(record);
  }

  function addViolations(request: number, model: string, rules: string[]): void {
    for (const rule of rules) violations.push({ request, model, rule });
    violations = violations.slice(-KEEP_RECORDS);
  }

  return {
    add(arrival, size) {
      lastId += 1;
      const record = { ...arrival, id: lastId, at: now(), tokensSent: 0, ending: null, endedAt: null, survives: false };
      records.push(record);
      // Trimmed a tenth at a time: shifting an array of 10,000 for each request would cost more than the request.
      if (records.length > KEEP_RECORDS * 1.1) records = records.slice(-KEEP_RECORDS);
      bodies.push({ record, size });
      chars += size;
      while (bodies.length > KEEP_BODIES || (chars > KEEP_BODY_CHARS && bodies.length > 1)) {
        const oldest = bodies.shift()!;
        oldest.record.body = null;
        chars -= oldest.size;
      }
      addViolations(lastId, record.model, record.violations);
      notify(record);
      return record;
    },
    addUnanswered: (model, rules) => addViolations(0, model, rules),
    finish(record, ending) {
      record.ending = ending;
      record.endedAt = now();
      notify(record);
    },
    all: () => records.slice(-KEEP_RECORDS),
    violations: () => [...violations],
    until(matches) {
      const known = records.find(matches);
      if (known) return Promise.resolve(known);
      return new Promise((resolve) => watchers.push({ matches, resolve }));
    },
    reset() {
      records = [];
      bodies = [];
      chars = 0;
    },
  };
}
