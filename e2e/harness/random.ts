/** Random choices that a seed reproduces. */
export interface Random {
  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number;
}

/** A 32-bit generator by Marsaglia (xorshift): small, and good enough to choose faults. */
export function createRandom(seed: number): Random {
  let state = (seed % 2 ** 32) | 0 || 1;
  return {
    below(limit) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) % limit;
    },
  };
}
