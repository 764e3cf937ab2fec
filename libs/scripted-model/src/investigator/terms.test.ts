import { expect, test } from "vitest";
import { findTerms, stem } from "./terms.ts";

const needles = (question: string) => findTerms(question).map((term) => term.needle);

test("identifiers in every notation rank before words", () => {
  expect(needles("where does snake_case meet camelCase, app.use and parseQuery() in routing?")).toEqual([
    "snake_case",
    "camelCase",
    "app.use",
    "parseQuery",
    "meet",
    "rout",
  ]);
});

test("a quotation is one term, and a quoted file name is a file", () => {
  expect(findTerms("why 'cannot set headers' in `lib/response.js`?").map(({ needle, kind }) => [needle, kind])).toEqual(
    [
      ["cannot set headers", "quoted"],
      ["lib/response.js", "file"],
    ],
  );
});

test("an apostrophe does not open a quotation", () => {
  expect(needles("what's the router's cache and the parser's limit?")).toEqual(["rout", "cach", "pars", "limit"]);
});

test("a capitalized name within a sentence ranks before words", () => {
  expect(findTerms("Tell me how requests reach the Router").map(({ needle, kind }) => [needle, kind])).toEqual([
    ["Router", "name"],
    ["request", "word"],
    ["reach", "word"],
  ]);
});

test("a question of only stop words has no terms", () => {
  expect(findTerms("What does this project do, and how is it used?")).toEqual([]);
});

test("a stem is part of every form of its word", () => {
  for (const [word, forms] of Object.entries({
    routing: ["route", "router", "routes"],
    validation: ["validate", "valid"],
    retries: ["retry", "retries"],
    stopping: ["stop", "stopped"],
    handlers: ["handle", "handler"],
  })) {
    for (const form of forms) expect(form).toContain(stem(word));
  }
});
