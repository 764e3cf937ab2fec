import { isDeepStrictEqual } from "node:util";
import { type Caller, hashSecret } from "./tokens.ts";

/** How long a caller counts as proven: a revocation holds within two seconds, also while Postgres or Redis is away. */
const LIFE_MS = 1_800;
/** How often all callers are proven again. Shorter than their life, so that a busy process has the answer in time. */
export const RENEW_MS = 1_000;
/** A caller without requests for this time is forgotten. */
const IDLE_MS = 30_000;
/** After this time a token is looked up again, for what a renewal does not see: a provider that withdrew a key. */
const LOOK_UP_MS = 60_000;
/** Limit of the callers that are kept. Only valid tokens take a place. */
const MOST_CALLERS = 10_000;

/** Remembers who has which token, so that a request asks Postgres only for the first one of a while. */
export interface CallerCache {
  /** Rejects as the look-up does. */
  find(token: string): Promise<Caller | null>;
  /** Proves all kept callers again with one statement; none when none is kept. */
  renew(): Promise<void>;
}

interface Entry {
  caller: Caller;
  lookedUpAt: number;
  /** When the statement began that found the caller as it is. */
  provenAt: number;
  usedAt: number;
}

export function createCallerCache(deps: {
  find(token: string): Promise<Caller | null>;
  /** @returns those of the callers that are as they were, by index; see `readCredentials` */
  read(callers: Caller[]): Promise<Map<number, Partial<Caller>>>;
  /** A clock in ms that only goes forward. */
  now(): number;
}): CallerCache {
  // By the hash, so that no token stays in memory.
  const entries = new Map<string, Entry>();

  return {
    async find(token) {
      const key = hashSecret(token).toString("base64");
      const at = deps.now();
      const known = entries.get(key);
      if (known && at - known.provenAt < LIFE_MS && !isExpired(known.caller)) {
        known.usedAt = at;
        return known.caller;
      }
      entries.delete(key);
      const caller = await deps.find(token);
      if (!caller) return null;
      entries.set(key, { caller, lookedUpAt: at, provenAt: at, usedAt: at });
      const [oldest] = entries.keys();
      if (entries.size > MOST_CALLERS && oldest !== undefined) entries.delete(oldest);
      return caller;
    },
    async renew() {
      const at = deps.now();
      for (const [key, { usedAt, lookedUpAt }] of entries)
        if (at - usedAt > IDLE_MS || at - lookedUpAt > LOOK_UP_MS) entries.delete(key);
      const kept = [...entries];
      if (kept.length === 0) return;
      const found = await deps.read(kept.map(([, { caller }]) => caller));
      for (const [index, [key, entry]] of kept.entries()) {
        const now = found.get(index);
        if (now && isDeepStrictEqual({ ...entry.caller, ...now }, entry.caller)) entry.provenAt = at;
        // Another look-up may have replaced it meanwhile.
        else if (entries.get(key) === entry) entries.delete(key);
      }
    },
  };
}

const isExpired = ({ expiresAt }: Caller) => expiresAt !== null && Date.parse(expiresAt) <= Date.now();
