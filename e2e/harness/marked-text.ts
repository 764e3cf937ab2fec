/**
 * The scripted model's marked text is its own oracle: every token is `attempt:index`. Words of two attempts in one text,
 * missing words and duplicates are visible in the text itself; a comparison of lengths would miss them.
 */
export interface MarkedText {
  /** The number of the model request that produced the text; null without words. */
  attempt: number | null;
  words: number;
}

/**
 * @param isWhole the text is complete, so its last word must be whole
 * @throws when the text is not a prefix of the output of exactly one request
 */
export function readMarkedText(text: string, isWhole = false): MarkedText {
  const words = text.split(" ").filter((word) => word !== "");
  let attempt: number | null = null;
  for (const [index, word] of words.entries()) {
    const match = /^(\d+):(\d+)$/.exec(word);
    const mayBePart = !isWhole && index === words.length - 1;
    if (!match && mayBePart && /^\d+:?$/.test(word)) continue;
    if (!match) throw new Error(`"${excerpt(word)}" is no marked word in: ${excerpt(text)}`);
    const [, said, number] = match;
    attempt ??= Number(said);
    if (Number(said) !== attempt) throw new Error(`two attempts in one text: ${excerpt(text)}`);
    if (Number(number) !== index && !(mayBePart && String(index).startsWith(number as string))) {
      throw new Error(`word ${index} says ${word} in: ${excerpt(text)}`);
    }
  }
  return { attempt, words: words.length };
}

const excerpt = (text: string) => (text.length <= 300 ? text : `${text.slice(0, 150)} … ${text.slice(-150)}`);

/** A message that makes the model send `tokens` marked words; `key` identifies the turn's requests. */
export function markedScript(
  key: string,
  script: { tokens: number; interval_ms?: number; [option: string]: unknown },
): string {
  return `[[script ${JSON.stringify({ mark: "attempt", interval_ms: 20, key, ...script })}]]`;
}

/** The script in a message. */
export function readScript(question: string): { tokens?: number; tool_depth?: number; tool?: unknown } {
  const [, script] = /\[\[script (.*)\]\]/s.exec(question) ?? [];
  return script === undefined ? {} : JSON.parse(script);
}
