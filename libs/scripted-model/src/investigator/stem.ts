/** Endings, longest first, and what stands in their place so that the rest is a part of every form of the word. */
const ENDINGS = ["ications", "ication", "ations", "ation", "itions", "ition", "ingly", "ments", "ment", "ings", "ing"];
const SHORT_ENDINGS = ["ies", "ied", "ers", "ors", "ed", "es", "er", "or", "ly", "s", "e", "y"];
const SHORTEST = 4;

/**
 * Cuts an English word down to what its forms have in common: `routing` and `routes` to `rout`, `validation` to `valid`.
 * Meant for searching parts of words, so that too short is worse than too long.
 */
export function stem(word: string): string {
  if (/^\d+s$/.test(word)) return word.slice(0, -1);
  for (const ending of [...ENDINGS, ...SHORT_ENDINGS]) {
    if (!word.endsWith(ending) || word.endsWith("ss")) continue;
    const rest = word.slice(0, -ending.length);
    if (rest.length < SHORTEST) continue;
    return /([^aeiouls])\1$/.test(rest) ? rest.slice(0, -1) : rest;
  }
  return word;
}
