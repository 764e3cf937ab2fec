/** What a server counted for a request of so many characters. */
export interface RecentUsage {
  promptTokens: number;
  characters: number;
}

/** English and code; a tokenizer would cost 50 MB and count another model's tokens. */
const CHARACTERS_PER_TOKEN = 3.6;
/** No text is denser or thinner than this; what a server counted beyond it is no count of the whole prompt. */
const DENSEST = 1;
const THINNEST = 6;
/** Below this share of the estimate the server must have left something out; estimates err by less. */
const TRUNCATED_BELOW = 0.5;
/** In a small prompt the template's own words weigh too much to judge. */
const JUDGED_FROM = 2_000;

/** @param usage the newest count for this session and model, null when there is none */
export function tokensPerCharacter(usage: RecentUsage | null): number {
  if (!usage || usage.characters <= 0 || usage.promptTokens <= 0) return 1 / CHARACTERS_PER_TOKEN;
  return Math.min(1 / DENSEST, Math.max(1 / THINNEST, usage.promptTokens / usage.characters));
}

/** The server says that it read far less than it was sent: Ollama, for one, cuts a long prompt without a word. */
export function isTruncated(promptTokens: number | null, estimate: number): boolean {
  return promptTokens !== null && estimate >= JUDGED_FROM && promptTokens < estimate * TRUNCATED_BELOW;
}
