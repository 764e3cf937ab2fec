/** Text as Postgres and JSON take it: without NUL, every lone surrogate replaced by U+FFFD. */
export function cleanText(text: string): string {
  return text.replaceAll("\0", "").replace(/\p{Surrogate}/gu, "\uFFFD");
}
