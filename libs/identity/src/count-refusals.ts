import type { NewAuditEvent } from "@boocode/store";

/** A refused request. */
export type Refused = Pick<NewAuditEvent, "event" | "actor" | "address">;

/** Counts refusals, so that an attacker's thousand requests become one row of the audit log. */
export interface RefusalCounter {
  refused(refusal: Refused): void;
  /** Saves what was counted since the last call. What cannot be saved is counted again. */
  flush(): Promise<void>;
}

/** Limit of rows that one flush saves. Further refusals are counted by event only, whoever caused them. */
const MAX_ROWS = 500;

export function createRefusalCounter(deps: {
  save(events: NewAuditEvent[]): Promise<void>;
  now(): Date;
}): RefusalCounter {
  let counted = new Map<string, NewAuditEvent & { count: number }>();

  function add({ event, actor, address }: Refused, count: number, at: Date, lastAt: Date): void {
    const exact = JSON.stringify([event, actor, address]);
    const isNew = !counted.has(exact);
    const [key, who] =
      isNew && counted.size >= MAX_ROWS
        ? [event, { actor: "anonymous" as const, address: null }]
        : [exact, { actor, address }];
    const known = counted.get(key);
    if (known) counted.set(key, { ...known, count: known.count + count, lastAt });
    else counted.set(key, { event, ...who, count, at, lastAt });
  }

  return {
    refused: (refusal) => add(refusal, 1, deps.now(), deps.now()),
    async flush() {
      const saving = [...counted.values()];
      if (saving.length === 0) return;
      counted = new Map();
      try {
        await deps.save(saving);
      } catch (error) {
        const now = deps.now();
        for (const { count, at = now, lastAt = now, ...refusal } of saving) add(refusal, count, at, lastAt);
        throw error;
      }
    },
  };
}
