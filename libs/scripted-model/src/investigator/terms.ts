export interface Term {
  /** The term as written in the question. */
  text: string;
  /** The text to search for, ignoring case: the stem of a word; any other term unchanged. */
  needle: string;
  kind: "quoted" | "file" | "identifier" | "name" | "word";
  weight: number;
}

const WEIGHTS = { quoted: 4, file: 4, identifier: 4, name: 2.5, word: 1 } as const;
const MAX_TERMS = 6;

const QUOTED = /`([^`\n]{2,80})`|"([^"\n]{2,80})"|(?<![\p{L}\d])'([^'\n]{2,80})'(?![\p{L}\d])/gu;
const FILE =
  /(?<![\w./@-])[\w./@-]*[\w-]\.(?:[cm]?[jt]sx?|json|md|ya?ml|toml|py|rb|go|rs|java|kt|c|h|cc|cpp|hpp|cs|php|sql|sh|lua|html|css|scss|vue|svelte|swift|txt|proto)\b(?!\()/gi;
/** Dotted, snake_case or camelCase names, and names with digits or followed by brackets: no ordinary word looks like this. */
const IDENTIFIER =
  /[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)+|[A-Za-z$]*_[\w$]*\w|[a-z$][\w$]*[A-Z][\w$]*|[A-Z][\w$]*[a-z][\w$]*[A-Z][\w$]*|[A-Za-z_$][\w$]*(?=\(\))|[A-Za-z]{2,}\d+\w*/g;
const WORD = /[\p{L}\d]{3,}/gu;

/** Words of a question that are useless as search terms. */
const STOP_WORDS = new Set(
  `a about above after again all also am an and any anything are around as ask at be because been before being below between
  both but by call called calling calls can cannot class classes code codebase come comes could define defined defines
  definition describe describes detail details did do does doing done each else etc even ever every everything exactly
  example examples explain explains file files find first for from function functions get gets getting give given gives go
  goes had handle handled handles happen happening happens has have having he hello help hey hi how i if implement
  implementation implemented implements in inside into is it its itself just kind know let like line lines list located
  look looking looks made main make makes many may me mean means method methods might more most much must my name named
  need needs no not now of off on once one only or other our out over overview own part parts place places please point
  project purpose put question quick read really repo repository responsible return returned returns run runs same say says
  see set sets shall she should show shows so some something source start still such tell than thank thanks that the their
  them then there these they thing things this those through to too two under understand until up us use used uses using
  very via want was way we well were what when where whether which while who whole whose why will with within without work
  working works would write written yes you your`.split(/\s+/),
);

/** The search terms of a question, strongest first: quotations, files, identifiers, names, other words. */
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

/** Endings to remove, longest first, so that the rest is part of every form of the word. */
const ENDINGS = ["ications", "ication", "ations", "ation", "itions", "ition", "ingly", "ments", "ment", "ings", "ing"];
const SHORT_ENDINGS = ["ies", "ied", "ers", "ors", "ed", "es", "er", "or", "ly", "s", "e", "y"];
const SHORTEST = 4;

/**
 * Reduces an English word to what its forms have in common: `routing` and `routes` to `rout`, `validation` to `valid`. The stem
 * is searched as a part of words, so a stem that is too short is worse than one that is too long.
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
