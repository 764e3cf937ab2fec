import { z } from "zod";
import { Script } from "./script.ts";

const OPENING = "[[script";

interface Directive {
  start: number;
  end: number;
  json: unknown;
}

/**
 * Parses the directive `[[script {…}]]` in a question. The last one applies, because a worker may join the question of a
 * failed turn to the next one.
 *
 * @throws an Error with the text of a 400 when the directive is invalid
 */
export function readDirective(text: string): Script | null {
  const found = locate(text);
  if (!found) return null;
  const script = Script.safeParse(found.json);
  if (!script.success) throw new Error(`script directive: ${z.prettifyError(script.error)}`);
  return script.data;
}

/** The question without its directives. An invalid directive loses only its opening. */
export function withoutDirectives(text: string): string {
  let rest = text;
  for (;;) {
    const start = rest.lastIndexOf(OPENING);
    if (start < 0) return rest.trim();
    const end = locateEnd(rest, start)?.end ?? start + OPENING.length;
    rest = rest.slice(0, start) + rest.slice(end);
  }
}

function locate(text: string): Directive | null {
  const start = text.lastIndexOf(OPENING);
  if (start < 0) return null;
  const found = locateEnd(text, start);
  if (!found) throw new Error("script directive: expected [[script {…JSON object…}]]");
  return { start, ...found };
}

/** The JSON may contain `]]`, so the directive ends at the first `]]` that follows valid JSON. */
function locateEnd(text: string, start: number): { end: number; json: unknown } | null {
  const from = start + OPENING.length;
  for (let close = text.indexOf("]]", from); close >= 0; close = text.indexOf("]]", close + 1)) {
    try {
      return { end: close + 2, json: JSON.parse(text.slice(from, close)) };
    } catch {
      // not the end yet
    }
  }
  return null;
}
