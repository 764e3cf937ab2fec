import { expect, test } from "vitest";
import { describeError } from "./describe-error.ts";
import { keepSecret, keepSecretsOf, scrub, scrubStrings } from "./secrets.ts";

const json = (error: unknown) => JSON.stringify(describeError(error));

test("the log says what an error is, and none of what the client's error object holds of a user's text", () => {
  const reply = Object.assign(new Error("OOM command not allowed"), {
    name: "ReplyError",
    command: { name: "evalsha", args: ["a user's question"] },
    previousErrors: [{ args: ["a user's question"] }],
  });
  const query = Object.assign(new Error("canceling statement"), {
    ...{
      name: "PostgresError",
      code: "57014",
      severity: "ERROR",
      query: "insert …",
      detail: "Key (x)=(a user's question)",
    },
    ...{ parameters: ["a user's question"], args: ["a user's question"] },
  });
  const unknown = new Error("ERR unknown command 'x', with args beginning with: 'a user's question' 'more'");
  const wrapped = new AggregateError([reply, new Error("outer", { cause: query })], "several");
  for (const error of [reply, query, unknown, wrapped, new Error("x", { cause: unknown })])
    expect(json(error)).not.toContain("question");
  expect(describeError(query)).toMatchObject({ type: "PostgresError", message: "canceling statement", code: "57014" });
  expect(describeError(wrapped)).toMatchObject({ errors: [{ type: "ReplyError" }, { cause: { code: "57014" } }] });
});

test("a chain of causes that leads back to itself has an end", () => {
  const error = new Error("a");
  error.cause = error;
  expect(json(error).length).toBeLessThan(20_000);
});

test("secrets are removed from texts, as they are, in a URL, in JSON and as basic authentication", () => {
  keepSecret('sk-"quoted"/secret');
  keepSecretsOf("postgres://ada:p%40ss%2Fword@db.example/boo");
  for (const text of [
    'wrong key sk-"quoted"/secret',
    `?key=${encodeURIComponent('sk-"quoted"/secret')}`,
    JSON.stringify({ key: 'sk-"quoted"/secret' }),
    "postgres://ada:p%40ss%2Fword@db",
    "password p@ss/word",
    `Basic ${Buffer.from("ada:p@ss/word").toString("base64")}`,
  ]) {
    expect(scrub(text)).toContain("[secret]");
    expect(scrub(text)).not.toMatch(/sk-|p@ss|%2Fword|YWRh/);
    expect(json(new Error(text, { cause: text }))).not.toMatch(/sk-\\?"|p@ss|%2Fword|YWRh/);
  }
  expect(scrub("nothing secret")).toBe("nothing secret");
});

test("the password of a URL without a host, with several, or that is not encoded is a secret, too", () => {
  for (const url of [
    "postgres://u:socketpw@/d?host=/run",
    "postgres://u:manypw@a:1,b:2/d",
    "postgres://u:pw%raw#1@h/d",
  ])
    keepSecretsOf(url);
  expect(scrub("socketpw manypw pw%raw#1")).toBe("[secret] [secret] [secret]");
});

test("secrets are removed from the strings and names inside a value, and nothing else is changed", () => {
  keepSecret("sk-in-a-value");
  const error = new Error("sk-in-a-value");
  const given = { "sk-in-a-value": ["a sk-in-a-value", 1, null, { deep: true }], error };
  expect(scrubStrings(given)).toEqual({ "[secret]": ["a [secret]", 1, null, { deep: true }], error });
  expect(scrubStrings(given).error).toBe(error);
  const circular: Record<string, unknown> = { text: "sk-in-a-value" };
  circular.self = circular;
  expect(scrubStrings(circular).text).toBe("[secret]");
});
