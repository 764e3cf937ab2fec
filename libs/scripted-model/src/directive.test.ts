import { expect, test } from "vitest";
import { readDirective, withoutDirectives } from "./directive.ts";

test("a directive is found in a sentence and in a code fence", () => {
  expect(readDirective('go [[script {"tokens":50,"interval_ms":10}]] please')).toMatchObject({
    tokens: 50,
    interval_ms: 10,
  });
  expect(readDirective('```\n[[script\n{"tokens": 3}\n]]\n```')).toMatchObject({ tokens: 3 });
  expect(readDirective("no directive")).toBeNull();
});

test("brackets inside the JSON do not end the directive", () => {
  const script = readDirective('[[script {"tool":{"name":"x","arguments":{"p":[[{"a":1}]]}},"gate":[{"name":"g"}]}]]');
  expect(script?.tool).toEqual({ name: "x", arguments: { p: [[{ a: 1 }]] } });
});

test("the last of several directives applies", () => {
  expect(readDirective('[[script {"tokens":1}]] and [[script {"tokens":2}]]')?.tokens).toBe(2);
});

test("an invalid directive is an error that names the problem", () => {
  expect(() => readDirective('[[script {"tokenz":1}]]')).toThrow(/tokenz/);
  expect(() => readDirective('[[script {"tokens":-1}]]')).toThrow(/tokens/);
  expect(() => readDirective("[[script nonsense]]")).toThrow(/JSON/);
  expect(() => readDirective('[[script {"tokens":1}')).toThrow(/JSON/);
});

test("directives are removed from the question", () => {
  expect(withoutDirectives('a [[script {"tokens":1}]] b [[script oops')).toBe("a  b  oops");
});
