import type { Caller } from "./tokens.ts";

/** Collects which tokens were used, so that no request waits for a write. */
export interface TokenUses {
  /** Wraps a function that identifies a caller by a token. */
  noting(find: (token: string) => Promise<Caller | null>): (token: string) => Promise<Caller | null>;
  /** Saves the uses since the last call. Those that cannot be saved are saved by the next one. */
  flush(): Promise<void>;
}

export function createTokenUses(deps: {
  save(uses: { tokenId: string; agoMs: number }[]): Promise<void>;
  /** A clock in ms that only goes forward. */
  now(): number;
}): TokenUses {
  let used = new Map<string, number>();
  return {
    noting: (find) => async (token) => {
      const caller = await find(token);
      if (caller?.tokenId) used.set(caller.tokenId, deps.now());
      return caller;
    },
    async flush() {
      if (used.size === 0) return;
      const saving = used;
      used = new Map();
      const now = deps.now();
      try {
        await deps.save([...saving].map(([tokenId, at]) => ({ tokenId, agoMs: now - at })));
      } catch (error) {
        used = new Map([...saving, ...used]);
        throw error;
      }
    },
  };
}
