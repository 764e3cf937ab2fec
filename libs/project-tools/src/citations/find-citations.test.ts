import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { findCitations, MAX_TEXT_LENGTH } from "./find-citations.ts";
import { resolveCitations } from "./resolve-citations.ts";

const ROOTS = ["/srv/code/app"];
const SHOWN = new Set([
  ...["src/b,c.ts", "{{slug}}/main.py", "src/中文.ts", "app/[id]/a b.tsx"],
  ...["src/a.ts", "lib/deep/only.py", "one/twin.ts", "two/twin.ts", "my dir/my file.ts", "Makefile"],
]);

/** What is cited in a text: the marked text, the path, and the lines. */
function cited(text: string, shown: ReadonlySet<string> = SHOWN) {
  return resolveCitations(findCitations(text) ?? [], ROOTS, shown).map(({ start, end, path, first, last }) => [
    text.slice(start, end),
    path,
    first,
    last,
  ]);
}

describe("a citation is found as", () => {
  it.each([
    ["see src/a.ts:12.", "src/a.ts:12", "src/a.ts", 12, 12],
    ["`src/a.ts:12-20`", "src/a.ts:12-20", "src/a.ts", 12, 20],
    ["src/a.ts:12–20", "src/a.ts:12–20", "src/a.ts", 12, 20],
    ["src/a.ts:12:5: error", "src/a.ts:12:5", "src/a.ts", 12, 12],
    ["src/a.ts:L5-L9", "src/a.ts:L5-L9", "src/a.ts", 5, 9],
    ["src/a.ts#L12", "src/a.ts#L12", "src/a.ts", 12, 12],
    ["src/a.ts#L12-L20", "src/a.ts#L12-L20", "src/a.ts", 12, 20],
    ["`src/a.ts` (lines 12–20)", "`src/a.ts` (lines 12–20)", "src/a.ts", 12, 20],
    ["`src/a.ts` (line 12)", "`src/a.ts` (line 12)", "src/a.ts", 12, 12],
    ["`src/a.ts`, lines 12-20", "`src/a.ts`, lines 12-20", "src/a.ts", 12, 20],
    ["`src/a.ts`:12", "`src/a.ts`:12", "src/a.ts", 12, 12],
    ["**`src/a.ts`** (lines 3-4)", "`src/a.ts`** (lines 3-4)", "src/a.ts", 3, 4],
    ["[parser](src/a.ts#L12)", "[parser](src/a.ts#L12)", "src/a.ts", 12, 12],
    ["[src/a.ts:9](src/a.ts#L12-L14)", "[src/a.ts:9](src/a.ts#L12-L14)", "src/a.ts", 12, 14],
    ["[parser](/src/a.ts#L12)", "[parser](/src/a.ts#L12)", "src/a.ts", 12, 12],
    ["./src/a.ts:1", "./src/a.ts:1", "src/a.ts", 1, 1],
    ["src/../src/./a.ts:1", "src/../src/./a.ts:1", "src/a.ts", 1, 1],
    ["/srv/code/app/src/a.ts:3", "/srv/code/app/src/a.ts:3", "src/a.ts", 3, 3],
    ["only.py:7", "only.py:7", "lib/deep/only.py", 7, 7],
    ["Makefile:3", "Makefile:3", "Makefile", 3, 3],
    ["`my dir/my file.ts:12`", "my dir/my file.ts:12", "my dir/my file.ts", 12, 12],
    ["`my dir/my file.ts` (lines 3-4)", "`my dir/my file.ts` (lines 3-4)", "my dir/my file.ts", 3, 4],
    ["`my dir/my file.ts`:12", "`my dir/my file.ts`:12", "my dir/my file.ts", 12, 12],
    ["[x](my%20dir/my%20file.ts#L12)", "[x](my%20dir/my%20file.ts#L12)", "my dir/my file.ts", 12, 12],
    ["[x](not/shown%20yet.ts#L12)", "[x](not/shown%20yet.ts#L12)", "not/shown yet.ts", 12, 12],
    ["[x](app/%5Bid%5D/a%20b.tsx#L1)", "[x](app/%5Bid%5D/a%20b.tsx#L1)", "app/[id]/a b.tsx", 1, 1],
    ["[x](<my dir/my file.ts#L12>)", "my dir/my file.ts#L12", "my dir/my file.ts", 12, 12],
    ["[x](..%2f..%2fetc/a%00b.ts#L1)", "[x](..%2f..%2fetc/a%00b.ts#L1)", "..%2f..%2fetc/a%00b.ts", 1, 1],
    ["[x](..%2f..%2fetc/b.ts#L1)", "[x](..%2f..%2fetc/b.ts#L1)", "../../etc/b.ts", 1, 1],
    ["[x](my dir/my file.ts#L12)", "my dir/my file.ts#L12", "my dir/my file.ts", 12, 12],
    ["(in my dir/my {{slug}}/main.py:12)", "{{slug}}/main.py:12", "{{slug}}/main.py", 12, 12],
    ["`src/b,c.ts:12`", "src/b,c.ts:12", "src/b,c.ts", 12, 12],
    ["in {{slug}}/main.py:12", "{{slug}}/main.py:12", "{{slug}}/main.py", 12, 12],
    ["😀见src/a.ts:12。", "src/a.ts:12", "src/a.ts", 12, 12],
    ["在src/a.ts:12中", "src/a.ts:12", "src/a.ts", 12, 12],
    ["src/a.ts:12-20에서", "src/a.ts:12-20", "src/a.ts", 12, 20],
    ["请看/srv/code/app/src/a.ts:3行", "/srv/code/app/src/a.ts:3", "src/a.ts", 3, 3],
    ["请看src/a.ts (line 3)", "src/a.ts (line 3)", "src/a.ts", 3, 3],
    ["请看src/中文.ts:3", "src/中文.ts:3", "src/中文.ts", 3, 3],
    ["中文/a.ts:3", "中文/a.ts:3", "中文/a.ts", 3, 3],
    ["`中文a/b.ts:3`", "中文a/b.ts:3", "中文a/b.ts", 3, 3],
    ["(src/a.ts:12)", "src/a.ts:12", "src/a.ts", 12, 12],
    ["app/[id]/page.tsx:12", "app/[id]/page.tsx:12", "app/[id]/page.tsx", 12, 12],
    ["never/shown.go:4", "never/shown.go:4", "never/shown.go", 4, 4],
    ["src/ä/ö.ts:9", "src/ä/ö.ts:9", "src/ä/ö.ts", 9, 9],
    ["../outside.ts:9", "../outside.ts:9", "../outside.ts", 9, 9],
  ])("%s", (text, marked, path, first, last) => {
    expect(cited(text)).toEqual([[marked, path, first, last]]);
  });
});

describe("no citation is", () => {
  it.each([
    ["a URL", "https://example.com/src/a.ts:12 and http://localhost:8080/src/a.ts#L3"],
    ["a link to a URL", "[a](https://github.com/o/r/blob/main/src/a.ts#L10)"],
    ["a host with a port", "localhost:8080, example.com:443, 10.0.0.1:5432, localhost:3000/src/a.ts:12"],
    ["an image with a version", "redis:7, docker.io/library/redis:7"],
    ["a time", "at 12:30, 10:15:12, 2026-01-01T10:15"],
    ["text in a fence", "```ts\nsrc/a.ts:12\n```\n~~~\nsrc/a.ts:12\n~~~\n- ````\n  ```\n  src/a.ts:12"],
    ["a path behind a character that turns the text around", "src/\u202ea.ts:12"],
    ["a name that two shown files have", "twin.ts:4"],
    ["a command in code, before lines of something else", "`npm run src/x.ts` (line 3), `say x.ts`:4"],
    ["part of a longer number or word", "src/a.ts:12px src/a.ts:1.5 src/a.ts:1234567890"],
  ])("%s", (_, text) => {
    expect(cited(text)).toEqual([]);
  });
});

const word = fc.stringMatching(/^[a-z]{1,8}$/);
const paths = fc
  .tuple(fc.array(word, { minLength: 1, maxLength: 4 }), fc.constantFrom("ts", "py", "go", "test.tsx"))
  .map(([parts, ending]) => `${parts.join("/")}.${ending}`);
const range = fc.tuple(fc.integer({ min: 1, max: 99_999 }), fc.integer({ min: 0, max: 500 }));
const prose = fc.stringMatching(/^[a-zäß😀 ,;!\n]{0,30}$/u);

const FORMS: ((path: string, first: number, last: number) => string)[] = [
  (path, first, last) => `${path}:${first}-${last}`,
  (path, first, last) => `\`${path}:${first}–${last}\``,
  (path, first, last) => `./${path}#L${first}-L${last}`,
  (path, first, last) => `\`${path}\` (lines ${first}–${last})`,
  (path, first, last) => `[here](${path}#L${first}-L${last})`,
  (path, first, last) => `${ROOTS[0]}/${path}:${first}-${last}`,
];

test("every notation is found where it stands, in UTF-16 units, whatever stands around it", () => {
  const one = fc.record({ path: paths, range, form: fc.constantFrom(...FORMS), before: prose });
  fc.assert(
    fc.property(fc.array(one, { maxLength: 8 }), (all) => {
      let text = "";
      const expected = all.map(({ path, range: [first, more], form, before }) => {
        const written = form(path, first, first + more);
        text += `${before} `;
        const start = text.length;
        text += `${written} `;
        return { start, written, path, first, last: first + more };
      });
      const shown = new Set(all.map(({ path }) => path));
      const found = resolveCitations(findCitations(text) ?? [], ROOTS, shown);
      expect(found).toMatchObject(expected.map(({ path, first, last }) => ({ path, first, last, isInside: true })));
      for (const [index, { start, written }] of expected.entries()) {
        const mark = found[index];
        expect(mark && mark.start >= start && mark.end <= start + written.length).toBe(true);
      }
    }),
  );
});

const piece = fc.constantFrom(
  "a",
  ".",
  "/",
  ":",
  "1",
  "`",
  "(",
  ")",
  "[",
  "]",
  "#L",
  "-",
  " ",
  "\n",
  "```",
  "lines",
  "//",
  "é",
);

test("in any text, the marks are in order, do not overlap, and lie within the text", () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 200 }), (pieces) => {
      const text = pieces.join("");
      let end = 0;
      for (const mark of findCitations(text) ?? []) {
        expect(mark.start).toBeGreaterThanOrEqual(end);
        expect(mark.end).toBeGreaterThan(mark.start);
        end = mark.end;
      }
      expect(end).toBeLessThanOrEqual(text.length);
    }),
  );
});

test("a hostile text takes no more steps than it has characters, and a text that is too long is not looked at", () => {
  for (const unit of [
    ":",
    "a:1",
    "a.b:1/",
    "](",
    "](a.:1x ",
    "(",
    "`",
    "```\n",
    "://",
    "a.b (lines ",
    "` a.b:1x`",
    "` a.b`",
    "中",
    "中/",
    "\n",
    ">",
  ]) {
    expect(findCitations(unit.repeat(MAX_TEXT_LENGTH / unit.length))).toEqual([]);
  }
  expect(findCitations("a.ts:1 ".repeat(MAX_TEXT_LENGTH / 7))).toBeNull();
  expect(findCitations(":".repeat(MAX_TEXT_LENGTH + 1))).toBeNull();
});
