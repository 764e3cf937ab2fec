import fc from "fast-check";
import { expect, test } from "vitest";
import { excerptOf, findTerms, readQuery } from "./match-text.ts";
import { foldCase, MAX_WORDS, wordsOf } from "./words.ts";

const finds = (text: string, query: string) => findTerms(text, readQuery(query)) !== null;

/** What Postgres decides by the words of a text. */
function hasWords(text: string, query: string): boolean {
  const words = [...wordsOf(text)];
  return readQuery(query).words.every(({ word, isPrefix }) =>
    words.some((one) => (isPrefix ? one.startsWith(word) : one === word)),
  );
}

const TEXT =
  "See fooBar_baz in src/a.ts:12, HTTPServer, naïve İSTANBUL ΟΔΟΣ C++ 100%; 全文検索の機能です。 한국어 🎉 don't";

test.each([
  ...[
    "see",
    "FOOBAR",
    "foob",
    "bar",
    "Bar_baz",
    "baz",
    "fooBar_b",
    "src/a.ts",
    "a.ts",
    "src/",
    "/a.ts:1",
    "server",
    "httpserv",
  ],
  ...[
    "naïve",
    "NAÏ",
    "istanbul",
    "οδος",
    "ΟΔΟΣ",
    "c++",
    "100%",
    "検索",
    "索",
    "全文検索の機能",
    "국어",
    "🎉",
    "don't",
    "see 検索 a.ts",
  ],
])("%s is found, and its words are there", (query) => {
  expect([finds(TEXT, query), hasWords(TEXT, query)]).toEqual([true, true]);
});

test.each(["ooBar", "oobar", "rc/a.ts", "src/a.tsx", "src.a", "検文", "see absent", "a%ts", "f_oBar", "src*", "ca+"])(
  "%s is not found",
  (query) => expect(finds(TEXT, query)).toBe(false),
);

const piece = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 8 }),
  fc.string({ unit: "binary", maxLength: 4 }),
  fc.constantFrom(
    "fooBar",
    "HTTPServer",
    "src/a.ts",
    "検索",
    "機",
    "ß",
    "ﬁ",
    "Σ",
    "ς",
    "İ",
    "_",
    "-",
    "'",
    "\\",
    ":*",
    "&",
    "|",
    "\u0301",
    "🎉",
  ),
);
const texts = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));

test("a text that has the terms has their words, so that Postgres finds it", () => {
  fc.assert(
    fc.property(
      texts,
      fc.array(piece, { minLength: 1, maxLength: 3 }),
      fc.nat(),
      fc.nat(6),
      (text, others, at, length) => {
        // Mostly parts of the text itself.
        const query = [text.slice(at % (text.length + 1)).slice(0, length + 1), ...(at % 3 ? [] : others)]
          .join(" ")
          .trim()
          .toWellFormed();
        const wanted = readQuery(query);
        if (wanted.words.length === 0 || !finds(text, query)) return;
        expect([query, hasWords(text, query)]).toEqual([query, true]);
      },
    ),
    { numRuns: 3_000 },
  );
});

test("ranges are in order, apart, and have the terms; an excerpt shows the first of them", () => {
  fc.assert(
    fc.property(texts, fc.nat(), fc.nat(6), fc.nat(400), (part, at, length, lead) => {
      const text = `${"x ".repeat(lead)}${part} ${"y ".repeat(lead)}`;
      const query = part
        .slice(at % (part.length + 1))
        .slice(0, length + 1)
        .trim()
        .toWellFormed();
      const ranges = query === "" ? null : findTerms(text, readQuery(query));
      if (!ranges) return;
      let last = 0;
      for (const { start, end } of ranges) {
        expect(start >= last && end > start && end <= text.length).toBe(true);
        last = end;
      }
      const excerpt = excerptOf(text, ranges);
      expect(text.startsWith(excerpt.text, excerpt.offset)).toBe(true);
      expect(excerpt.text.length).toBeLessThanOrEqual(240);
      expect(excerpt.ranges.length).toBeGreaterThan(0);
      for (const { start, end } of excerpt.ranges) expect(start < end && end <= excerpt.text.length).toBe(true);
      const [first] = excerpt.ranges;
      expect(
        foldCase(query)
          .split(/\s+/u)
          .some((term) => foldCase(excerpt.text.slice(first?.start, first?.end)).includes(term)),
      ).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

test("a text in lower case has the same length", () => {
  for (let code = 0; code < 0x110000; code++) {
    const character = String.fromCodePoint(code);
    if (foldCase(character).length !== character.length) throw new Error(`U+${code.toString(16)}`);
  }
});

test("hostile texts have few and short words", () => {
  const hostile = [
    "aB".repeat(100_000),
    "x".repeat(300_000),
    "検".repeat(200_000),
    "🎉".repeat(200_000),
    "\u0301".repeat(99_999),
  ];
  hostile.push(Array.from({ length: 60_000 }, (_, at) => String.fromCodePoint(0x20000 + (at % 40_000))).join(""));
  hostile.push(
    Array.from({ length: 50_000 }, (_, at) => at.toString(36)).join(" "),
    "\u{1D400}b".repeat(9_000),
    `${"ß".repeat(47)}🎉`,
  );
  for (const text of hostile) {
    const words = [...wordsOf(text)];
    expect(words.length).toBeLessThanOrEqual(MAX_WORDS);
    for (const word of words) expect(Buffer.byteLength(word)).toBeLessThan(200);
    expect(words.join("").isWellFormed()).toBe(true);
  }
});

test("an excerpt shows the part with the most different terms", () => {
  const text = `one ${"- ".repeat(300)}two one ${"- ".repeat(300)}one`;
  const ranges = findTerms(text, readQuery("one two")) ?? [];
  const { text: shown, ranges: marked } = excerptOf(text, ranges);
  expect(marked.map(({ start, end }) => shown.slice(start, end))).toEqual(["two", "one"]);
});
