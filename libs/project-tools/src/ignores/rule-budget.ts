/** What all rules of one search may still take, in bytes: a project can have any number of ignore files and repositories. */
export interface RuleBudget {
  /** Of lines for ripgrep, which needs up to 4 s of CPU and 100 MB for each MB of them, each time it is started. */
  lines: number;
  /** Of ignore files: parsing one takes 100 times its size for a moment. */
  content: number;
  /** Of git indexes. */
  index: number;
  /** Of the names in them: in version 4 a few bytes can encode a long name. */
  names: number;
}

const MB = 1024 * 1024;

export const createRuleBudget = (): RuleBudget => ({
  lines: 0.25 * MB,
  content: 2 * MB,
  index: 32 * MB,
  names: 64 * MB,
});
