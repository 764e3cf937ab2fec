import { connectPostgres } from "@boocode/runtime";
import { expect, test } from "vitest";
import { isTransient } from "./database-state.ts";

const coded = (code: string) => Object.assign(new Error("x"), { code });

test.each([
  "ECONNREFUSED",
  "ECONNRESET",
  "CONNECTION_CLOSED",
  "CONNECT_TIMEOUT",
  "08006",
  "40001",
  "40P01",
  "53300",
  "57P01",
  "57P03",
  "57014",
  "55P03",
  "25P03",
])("%s is transient", (code) => {
  expect(isTransient(coded(code))).toBe(true);
});

test.each(["23505", "22021", "42601", "22P05", "ENOENT", "57000"])("%s is not transient", (code) => {
  expect(isTransient(coded(code))).toBe(false);
});

test.each(["28P01", "28000", "3D000", "55000", "42501"])("%s is transient only if it ended the connection", (code) => {
  expect(isTransient(Object.assign(coded(code), { severity: "FATAL" }))).toBe(true);
  expect(isTransient(Object.assign(coded(code), { severity: "ERROR" }))).toBe(false);
});

test.each(["ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "ENOENT"])(
  "%s is transient only if it ended a query",
  (code) => {
    expect(isTransient(Object.assign(coded(code), { query: "select 1" }))).toBe(true);
    expect(isTransient(coded(code))).toBe(false);
  },
);

test("a failure to resolve the host name of the database is transient", async () => {
  const pool = connectPostgres("postgres://somebody@database.invalid/any", { name: "test", connections: 1 });
  const error = await pool`select 1`.catch((reason: unknown) => reason);
  expect(isTransient(error)).toBe(true);
  await pool.end({ timeout: 1 });
});

test("a missed deadline is transient; a bug is not, nor is a value that is not an error", () => {
  expect(isTransient(Object.assign(new Error("x"), { name: "DeadlineExceeded" }))).toBe(true);
  for (const other of [new TypeError("x"), null, undefined, "text", { code: 7 }])
    expect(isTransient(other)).toBe(false);
});
