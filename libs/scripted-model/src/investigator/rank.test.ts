import { expect, test } from "vitest";
import { definitionIn } from "./definition.ts";
import { rankFiles } from "./rank.ts";
import { findTerms } from "./terms.ts";

function best(question: string, hits: Array<[path: string, line: number, text: string]>, paths: string[] = []) {
  return rankFiles({
    question,
    terms: findTerms(question),
    hits: hits.map(([path, line, text]) => ({ path, line, text })),
    paths,
  }).map((file) => `${file.path}:${file.hits[0]?.line ?? ""}`);
}

test("a definition ranks before mentions and imports", () => {
  expect(
    best("how does parseQuery work?", [
      ["lib/app.js", 3, "const parseQuery = require('./query')"],
      ["lib/app.js", 9, "  req.query = parseQuery(url)"],
      ["lib/query.js", 5, "function parseQuery (url) {"],
    ]),
  ).toEqual(["lib/query.js:5", "lib/app.js:9"]);
});

test("source code ranks before tests, documents and lock files", () => {
  expect(
    best("where is parseQuery?", [
      ["package-lock.json", 1, '"parseQuery": "1.0.0"'],
      ["docs/api.md", 1, "parseQuery(url)"],
      ["test/query.js", 1, "parseQuery(url)"],
      ["src/query.js", 1, "parseQuery(url)"],
    ]),
  ).toEqual(["src/query.js:1", "docs/api.md:1", "test/query.js:1", "package-lock.json:1"]);
});

test("a question about tests ranks tests first", () => {
  const hits: Array<[string, number, string]> = [
    ["src/query.js", 4, "// parseQuery"],
    ["test/query.js", 8, "parseQuery(url)"],
  ];
  expect(best("which tests cover parseQuery?", hits)[0]).toBe("test/query.js:8");
});

test("a question about uses ranks calls before the definition", () => {
  const hits: Array<[string, number, string]> = [
    ["src/query.js", 4, "export function parseQuery(url) {"],
    ["src/app.js", 8, "  const query = parseQuery(url);"],
  ];
  expect(best("who calls parseQuery?", hits)[0]).toBe("src/app.js:8");
});

test("a method of a prototype matches a dotted name", () => {
  expect(
    best("what does app.use do?", [
      ["lib/a.js", 1, "app.use(x)"],
      ["lib/application.js", 190, "app.use = function use(fn) {"],
    ])[0],
  ).toBe("lib/application.js:190");
});

test("a file that the question names ranks first", () => {
  expect(best("explain lib/view.js and its cache", [["lib/app.js", 1, "function cache() {"]], ["lib/view.js"])[0]).toBe(
    "lib/view.js:",
  );
});

test("a local variable defines next to nothing, and an import, a comment and a call define nothing", () => {
  expect(definitionIn("    const route = find()")?.weight).toBeLessThan(0.5);
  for (const text of ["import { a } from 'b'", "const a = require('b')", "// function a() {", "  if (a) {", "a(b)"]) {
    expect(definitionIn(text), text).toBeNull();
  }
});

test("definitions of several languages are recognized", () => {
  for (const [text, name] of [
    ["export default async function go() {", "go"],
    ["export const limit = 3;", "limit"],
    ["def parse(self):", "parse"],
    ["func (s *Server) Serve() {", "Serve"],
    ["pub fn run() {", "run"],
    ["exports.handler = async () => {", "handler"],
    ["  async send(payload) {", "send"],
    ["create table if not exists turns (", "turns"],
  ]) {
    expect(definitionIn(text!)?.name, text).toBe(name);
  }
});
