import type { Ending } from "../reply/response-writer.ts";

/** How many requests are remembered, and of how many the body too. */
export const KEEP_RECORDS = 10_000;
export const KEEP_BODIES = 1000;
/** A few huge conversations must not fill the memory either. */
const KEEP_BODY_CHARS = 64 * 1024 * 1024;

/** One chat request as the server saw it. Times are epoch milliseconds. */
export interface RecordedRequest {
  /** 1, 2, … in order of arrival, over resets too. */
  id: number;
  at: number;
  model: string;
  /** What answered: a script's name, `directive`, `investigator` or `title`. */
  answeredBy: string;
  key: string;
  step: number;
  attempt: number;
  stream: boolean;
  toolChoice: unknown;
  offeredTools: string[];
  /** null once it has been forgotten. */
  body: unknown;
  violations: string[];
  /** Content tokens sent so far. */
  tokensSent: number;
  ending: Ending | null;
  endedAt: number | null;
  /** It goes on generating when its client goes away. */
  survives: boolean;
}

type Arrival = Omit<RecordedRequest, "id" | "at" | "tokensSent" | "ending" | "endedAt" | "survives">;

export interface Violation {
  /** 0: one that could not be answered, and is not recorded. */
  request: number;
  model: string;
  rule: string;
}

export interface Records {
  /** @param size characters of the body, for the bound on memory */
  add(arrival: Arrival, size: number): RecordedRequest;
  /** Notes what is wrong with a request that is not recorded. */
  blame(model: string, rules: string[]): void;
  finish(record: RecordedRequest, ending: Ending): void;
  all(): RecordedRequest[];
  /** Of all requests, those before a reset too: whoever looks at the end sees every one. */
  violations(): Violation[];
  /** Resolves with the first request, past or future, that fits. */
  until(fits: (request: RecordedRequest) => boolean): Promise<RecordedRequest>;
  reset(): void;
}

interface Watcher {
  fits: (request: RecordedRequest) => boolean;
  resolve: (request: RecordedRequest) => void;
}

export function createRecords(now: () => number): Records {
  let records: RecordedRequest[] = [];
  let bodies: Array<{ record: RecordedRequest; size: number }> = [];
  let chars = 0;
  let violations: Violation[] = [];
  let lastId = 0;
  let watchers: Watcher[] = [];

  function tell(record: RecordedRequest): void {
    const told = watchers.filter((watcher) => watcher.fits(record));
    if (told.length === 0) return;
    watchers = watchers.filter((watcher) => !told.includes(watcher));
    for (const watcher of told) watcher.resolve(record);
  }

  function note(request: number, model: string, rules: string[]): void {
    for (const rule of rules) violations.push({ request, model, rule });
    violations = violations.slice(-KEEP_RECORDS);
  }

  return {
    add(arrival, size) {
      lastId += 1;
      const record = { ...arrival, id: lastId, at: now(), tokensSent: 0, ending: null, endedAt: null, survives: false };
      records.push(record);
      // Dropped a tenth at a time: shifting an array of 10,000 at each request would cost more than the request.
      if (records.length > KEEP_RECORDS * 1.1) records = records.slice(-KEEP_RECORDS);
      bodies.push({ record, size });
      chars += size;
      while (bodies.length > KEEP_BODIES || (chars > KEEP_BODY_CHARS && bodies.length > 1)) {
        const oldest = bodies.shift()!;
        oldest.record.body = null;
        chars -= oldest.size;
      }
      note(lastId, record.model, record.violations);
      tell(record);
      return record;
    },
    blame: (model, rules) => note(0, model, rules),
    finish(record, ending) {
      record.ending = ending;
      record.endedAt = now();
      tell(record);
    },
    all: () => records.slice(-KEEP_RECORDS),
    violations: () => [...violations],
    until(fits) {
      const known = records.find(fits);
      if (known) return Promise.resolve(known);
      return new Promise((resolve) => watchers.push({ fits, resolve }));
    },
    reset() {
      records = [];
      bodies = [];
      chars = 0;
    },
  };
}
