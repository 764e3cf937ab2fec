import { looseJson } from "@boocode/project-tools/loose-json";
import { isObject } from "../../json-value.ts";
import { type CallReader, matchAt } from "./call-source.ts";
import { toArguments } from "./json-calls.ts";

const HEAD = /call:\s{0,5}(?<name>[\w.-]{1,80})(?=\{)/y;
/** What Gemma writes instead of a quotation mark. */
const QUOTE = /<\|"\|>|<escape>/g;
const KEY = /([{,]\s*)([A-Za-z_]\w*)\s*:/g;

/** Reads Gemma's `call:grep{pattern:<|"|>x<|"|>,context:2}`. */
export const readGemmaCalls: CallReader = ({ text }, at) => {
  const head = matchAt(HEAD, text, at);
  if (!head) return null;
  const from = at + head[0].length;
  const end = endOfArguments(text, from);
  if (end === null) return "open";
  const value = looseJson(toJson(text.slice(from, end)));
  const args = isObject(value) ? toArguments(value) : null;
  return { calls: [{ name: head.groups?.name ?? "", arguments: args }], end };
};

function endOfArguments(text: string, from: number): number | null {
  let depth = 0;
  for (let place = from; place < text.length; place++) {
    const quote = text[place] === "<" ? text.slice(place, place + 8).match(/^(?:<\|"\|>|<escape>)/)?.[0] : undefined;
    if (quote !== undefined) {
      const close = text.indexOf(quote, place + quote.length);
      if (close === -1) return null;
      place = close + quote.length - 1;
    } else if (text[place] === "{" || text[place] === "[") depth += 1;
    else if ((text[place] === "}" || text[place] === "]") && --depth === 0) return place + 1;
  }
  return null;
}

function toJson(text: string): string {
  const parts = text.split(QUOTE);
  return parts
    .map((part, index) => (index % 2 === 1 ? JSON.stringify(part) : part.replaceAll(KEY, '$1"$2":')))
    .join("");
}
