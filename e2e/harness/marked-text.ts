/**
 * The scripted model's marked text carries its own oracle: every token says `attempt:index`. Two attempts' words in one text,
 * a word that is missing or one that stands twice are seen by reading it, which a comparison of lengths would not see.
 */
export interface MarkedText {
  /** Which request of the turn spoke; null while there is no word. */
  attempt: number | null;
  words: number;
}

/**
 * @param isWhole nothing more is to come: the last word may not have come in part
 * @throws when the text is not the beginning of what exactly one request produced
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

/** A message that makes the model speak `tokens` marked words; `key` counts its requests apart from every other turn's. */
export function markedScript(
  key: string,
  script: { tokens: number; interval_ms?: number; [option: string]: unknown },
): string {
  return `[[script ${JSON.stringify({ mark: "attempt", interval_ms: 20, key, ...script })}]]`;
}

/** The script that a message carries for the model. */
export function readScript(question: string): { tokens?: number; tool_depth?: number; tool?: unknown } {
  const [, script] = /\[\[script (.*)\]\]/s.exec(question) ?? [];
  return script === undefined ? {} : JSON.parse(script);
}
