import { expect, test } from "vitest";
import { type SessionFacts, settingsFor } from "./prepare-session.ts";

const facts: SessionFacts = {
  ...{ process: "1 1", pid: 1, isReplica: false, isReadOnly: false, encoding: "UTF8" },
  ...{ path: ["public"], homes: ["public"] },
};
const any = { role: "any" as const, settings: [], searchPath: undefined };
const path = (known: Partial<SessionFacts>, target = {}) =>
  /'search_path', ?'([^']*)'/.exec(settingsFor({ ...facts, ...known }, { ...any, ...target }, 5_000))?.[1];

test.each([
  ["a migrated database", { path: ["public"], homes: ["public"] }, '"public"'],
  ["a new database", { path: ["public"], homes: [] }, '"public"'],
  ["a new database with a schema of the user", { path: ["ada", "public"], homes: [] }, '"ada"'],
  ["tables behind another application's schema", { path: ["other", "public"], homes: ["public"] }, '"public"'],
  ["tables in a schema of their own", { path: ["app"], homes: ["app", "public"] }, '"app"'],
  ["a path that names nothing", { path: [], homes: ["public"] }, '"public"'],
  ["a path that names nothing, in a new database", { path: [], homes: [] }, '"public"'],
  ["a path to the system's tables", { path: ["pg_catalog"], homes: ["public"] }, '"public"'],
])("the schema of %s is found", (_, known, expected) => {
  expect(path(known)).toBe(expected);
});

test("a path that hides tables is refused by name, unless the connection string says which are meant", () => {
  const hidden = { path: ["other"], homes: ["public"] };
  expect(() => path(hidden)).toThrow(/search_path .* begins with other, .* add \?search_path=public to DATABASE_URL/);
  expect(path(hidden, { searchPath: "other" })).toBe("other");
});

test.each([
  ["primary", { isReplica: true }, true],
  ["primary", { isReadOnly: true }, false],
  ["read-write", { isReplica: true }, true],
  ["read-write", { isReadOnly: true }, true],
  ["any", { isReplica: true, isReadOnly: true }, false],
] as const)("target_session_attrs=%s with a server of %j", (role, known, isRefused) => {
  const settings = () => settingsFor({ ...facts, ...known }, { ...any, role }, 5_000);
  if (isRefused) expect(settings).toThrow(expect.objectContaining({ code: "CONNECTION_CLOSED", reason: "read_only" }));
  else settings();
});

test.each(["SQL_ASCII", "LATIN1"])("a database whose encoding is %s is refused by name", (encoding) => {
  expect(() => settingsFor({ ...facts, encoding }, any, 5_000)).toThrow(new RegExp(`${encoding}.*ENCODING 'UTF8'`));
});

test("settings of the connection string come first, quoted, and ours decide", () => {
  const settings: [string, string][] = [
    ["statement_timeout", "1"],
    ["a.b", "it's \\ here"],
  ];
  const statement = settingsFor(facts, { ...any, settings }, 5_000);
  expect(statement).toContain("set_config('a.b',  E'it''s \\\\ here', false)");
  expect(statement.lastIndexOf("'statement_timeout', '5000'")).toBeGreaterThan(
    statement.indexOf("'statement_timeout', '1'"),
  );
});
