import { stem } from "./stem.ts";
import { STOP_WORDS } from "./stop-words.ts";

export interface Term {
  /** As it stands in the question. */
  text: string;
  /** What is looked for, in any case: words without their endings, everything else as it is. */
  needle: string;
  kind: "quoted" | "file" | "identifier" | "name" | "word";
  weight: number;
}

const WEIGHTS = { quoted: 4, file: 4, identifier: 4, name: 2.5, word: 1 } as const;
const MAX_TERMS = 6;

const QUOTED = /`([^`\n]{2,80})`|"([^"\n]{2,80})"|(?<![\p{L}\d])'([^'\n]{2,80})'(?![\p{L}\d])/gu;
const FILE =
  /(?<![\w./@-])[\w./@-]*[\w-]\.(?:[cm]?[jt]sx?|json|md|ya?ml|toml|py|rb|go|rs|java|kt|c|h|cc|cpp|hpp|cs|php|sql|sh|lua|html|css|scss|vue|svelte|swift|txt|proto)\b(?!\()/gi;
/** Dotted, snake_case, camelCase, with digits, or with brackets behind: no word of a sentence looks like that. */
const IDENTIFIER =
  /[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)+|[A-Za-z$]*_[\w$]*\w|[a-z$][\w$]*[A-Z][\w$]*|[A-Z][\w$]*[a-z][\w$]*[A-Z][\w$]*|[A-Za-z_$][\w$]*(?=\(\))|[A-Za-z]{2,}\d+\w*/g;
const WORD = /[\p{L}\d]{3,}/gu;

/** What to search for, strongest first: what was quoted, files, identifiers, names, then the other words of the question. */
export function findTerms(question: string): Term[] {
  const terms = new Map<string, Term>();
  const add = (text: string, kind: Term["kind"]) => {
    const needle = (kind === "word" ? stem(text.toLowerCase()) : text.replace(/\(\)$/, "")).trim();
    const key = needle.toLowerCase();
    if (needle.length >= 2 && !terms.has(key)) terms.set(key, { text, needle, kind, weight: WEIGHTS[kind] });
  };
  let rest = question.replace(/\b\w+:\/\/\S+/g, " ");
  const take = (pattern: RegExp, kind: Term["kind"]) => {
    rest = rest.replace(pattern, (match: string, ...groups: unknown[]) => {
      const text = groups.slice(0, -2).find((group) => typeof group === "string") as string | undefined;
      const found = text ?? match;
      if (kind !== "quoted") add(found, kind);
      else if (found.match(FILE)?.[0] === found) add(found, "file");
      else add(found, /\s/.test(found) ? "quoted" : "identifier");
      return " ";
    });
  };
  take(QUOTED, "quoted");
  take(FILE, "file");
  take(IDENTIFIER, "identifier");
  for (const match of rest.matchAll(WORD)) {
    const [word] = match;
    if (STOP_WORDS.has(word.toLowerCase())) continue;
    const opensSentence = /(?:^|[.?!\n]\s*)$/.test(rest.slice(0, match.index));
    const capital = /^\p{Lu}\p{Ll}/u.test(word);
    add(word, capital && !opensSentence ? "name" : "word");
  }
  return [...terms.values()].sort((a, b) => b.weight - a.weight).slice(0, MAX_TERMS);
}
