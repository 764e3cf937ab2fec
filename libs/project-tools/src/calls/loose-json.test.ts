import fc from "fast-check";
import { expect, test } from "vitest";
import { looseJson, looseJsonAt, looseObject } from "./loose-json.ts";

test("valid JSON is parsed as by JSON.parse", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(0, 2), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      expect(looseJson(text)).toEqual(JSON.parse(text));
    }),
  );
});

test.each<[string, unknown]>([
  ["{'a': 'x', 'b': True, 'c': None, 'd': False}", { a: "x", b: true, c: null, d: false }],
  ["{'a': 'it's', 'b': \"x\"}", { a: "it's", b: "x" }],
  ["{'a': 'say \"hi\"'}", { a: 'say "hi"' }],
  ["{“a”: “x”, ‘b’: 2}", { a: "x", b: 2 }],
  ["{`a`: `x`}", { a: "x" }],
  ["{a: 'x', b_c: 1, $d: 2,}", { a: "x", b_c: 1, $d: 2 }],
  ['{"a": [1, 2, ], }', { a: [1, 2] }],
  ['{"a": "x\n\ty"}', { a: "x\n\ty" }],
  ['{"a": "\\d+\\(\\b"}', { a: "\\d+\\(\\b" }],
  ['{"a": "\\bx\\n"}', { a: "\bx\n" }],
  ['{"a": "c:\\\\x\\u00e9"}', { a: "c:\\x\u00e9" }],
  ['{"a": "class="b" c"}', { a: 'class="b" c' }],
  ['{"a": r"\\d\\n"}', { a: "\\d\\n" }],
  ["{'a': '''x'y\nz'''}", { a: "x'y\nz" }],
  ['{"a": 1, // why\n /* and */ "b": +2, "c": .5, "d": 1_000, "e": 1e3}', { a: 1, b: 2, c: 0.5, d: 1000, e: 1000 }],
  ['{"__proto__": 1}', JSON.parse('{"__proto__": 1}')],
  ["{}", {}],
  ["[]", []],
  [" 'x' ", "x"],
])("%s is read", (text, value) => expect(looseJson(text)).toEqual(value));

test.each([
  "",
  "x",
  "{",
  '{"a": "x',
  '{"a": "x"',
  '{"a": ',
  '{"a"',
  '["x"',
  "{'a': 'x}",
  "'x",
  '{"a": 1} x',
  '{"a": 1}{"b": 2}',
  '{"a": x}',
  '{"a" "b"}',
  '{"a": 1 "b": 2}',
  "{,}",
  "{1: 2}",
  "[".repeat(1000),
])("%s is rejected", (text) => expect(looseJson(text)).toBeUndefined());

test("truncated text is never completed", () => {
  const text = '{"pattern": "a}\\"b", \'path\': ["x", {"y": True}], z: 1}';
  for (let end = 0; end < text.length; end++) expect(looseJson(text.slice(0, end)), text.slice(0, end)).toBeUndefined();
  expect(looseJson(text)).toEqual({ pattern: 'a}"b', path: ["x", { y: true }], z: 1 });
});

test("a value is read from the middle of a text", () => {
  expect(looseJsonAt("see {a: 1} there", 4)).toEqual({ value: { a: 1 }, end: 10 });
});

test.each([
  '{"a": 1}',
  '"{\\"a\\": 1}"',
  '"\\"{\\\\\\"a\\\\\\": 1}\\""',
  "'{\"a\": 1}'",
  '```json\n{"a": 1}\n```',
  'Here you are:\n```\n{"a": 1,}\n```\nDone.',
  'json\n{"a": 1}',
  'arguments: {"a": 1}',
  '{"a": 1} Now I search.',
  '{"a": 1}}',
  '{"a": 1}</tool_call>',
  '[{"a": 1}]',
  "[{'a': 1}]",
])("%s means an object", (text) => expect(looseObject(text)).toEqual({ a: 1 }));

test.each([
  '{"a": 1',
  "x",
  '["x"]',
  '{"a": 1}{"a": 2}',
  '[{"a": 1}, {"a": 2}]',
  '"x"',
  "1",
  '{"a": 1} or {"a": 2}',
  '{"a": 1',
])("%s does not certainly mean an object", (text) => expect(looseObject(text)).toBeNull());

test("long repetitive text neither fails nor takes long", () => {
  for (const unit of ["{'a':", "[", '"', "\\", "'", "/*", "//", "{", "a:", '",'])
    expect(() => looseObject(unit.repeat(20_000))).not.toThrow();
});
