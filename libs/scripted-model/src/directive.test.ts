import { expect, test } from "vitest";
import { readDirective, withoutDirectives } from "./directive.ts";

test("a directive is read out of a sentence and out of a fence", () => {
  expect(readDirective('go [[script {"tokens":50,"interval_ms":10}]] please')).toMatchObject({
    tokens: 50,
    interval_ms: 10,
  });
  expect(readDirective('```\n[[script\n{"tokens": 3}\n]]\n```')).toMatchObject({ tokens: 3 });
  expect(readDirective("no directive")).toBeNull();
});

test("brackets inside the JSON do not end it", () => {
  const script = readDirective('[[script {"tool":{"name":"x","arguments":{"p":[[{"a":1}]]}},"gate":[{"name":"g"}]}]]');
  expect(script?.tool).toEqual({ name: "x", arguments: { p: [[{ a: 1 }]] } });
});

test("the last directive counts", () => {
  expect(readDirective('[[script {"tokens":1}]] and [[script {"tokens":2}]]')?.tokens).toBe(2);
});

test("nonsense is told in words", () => {
  expect(() => readDirective('[[script {"tokenz":1}]]')).toThrow(/tokenz/);
  expect(() => readDirective('[[script {"tokens":-1}]]')).toThrow(/tokens/);
  expect(() => readDirective("[[script nonsense]]")).toThrow(/JSON/);
  expect(() => readDirective('[[script {"tokens":1}')).toThrow(/JSON/);
});

test("the question is left without its directives", () => {
  expect(withoutDirectives('a [[script {"tokens":1}]] b [[script oops')).toBe("a  b  oops");
});
