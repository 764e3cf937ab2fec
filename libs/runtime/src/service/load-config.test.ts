import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { commonEnv, count, duration, folders, origins, port, url } from "./env.ts";
import { InvalidConfig, loadConfig } from "./load-config.ts";

const folder = mkdtempSync(join(tmpdir(), "load-config-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

const Schema = z.object({
  ...commonEnv,
  PORT: port.default(0),
  ROOTS: folders,
  MODEL: url("http:", "https:"),
  KEY: z.string().optional(),
  SLOTS: count().default(5),
  WAIT_MS: duration(100).default(1_000),
});
const good = { DATABASE_URL: "postgres://u:p@h/d", REDIS_URL: "redis://h", ROOTS: "/a:/b", MODEL: "http://m" };

/** The error lines for an environment. */
function mistakes(env: Record<string, string | undefined>): string[] {
  try {
    loadConfig(Schema, env);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidConfig);
    return (error as Error).message
      .split("\n")
      .slice(1)
      .map((line) => line.trim());
  }
  return [];
}

test("unset variables get defaults, set ones get their type, unknown ones are ignored", () => {
  const config = loadConfig(Schema, { ...good, PORT: "8080", LOG_LEVEL: "debug", HOME: "/root", KEY: "" });
  expect(config).toEqual({
    ...{ ...good, ROOTS: ["/a", "/b"], PORT: 8080, LOG_LEVEL: "debug", HOST: "127.0.0.1", WATCHDOG_MS: 30_000 },
    ...{ REDIS_PREFIX: "boocode", FAULT_POINTS: [], REQUIRE_LEAST_PRIVILEGE: "0", SLOTS: 5, WAIT_MS: 1_000 },
  });
});

test("all mistakes are reported at once, each under its name and none with its value", () => {
  const wrong = {
    ...{ DATABASE_URL: "mysql://secret@h", ROOTS: "a:/b", MODEL: "not a url secret", PORT: "secret", SLOTS: "0" },
    ...{ WAIT_MS: "1.5", LOG_LEVEL: "loud secret", REDIS_PREFIX: "a b secret" },
  };
  const lines = mistakes(wrong);
  expect(lines.map((line) => line.split(":")[0]).sort()).toEqual([
    ...["DATABASE_URL", "LOG_LEVEL", "MODEL", "PORT", "REDIS_PREFIX", "REDIS_URL", "ROOTS", "SLOTS", "WAIT_MS"],
  ]);
  expect(lines.join()).not.toContain("secret");
  expect(lines).toContain("REDIS_URL: is required");
  expect(lines).toContain("DATABASE_URL: must be a URL that begins with postgres:// or postgresql://");
});

test.each([
  ["PORT", "65536"],
  ["PORT", "-1"],
  ["PORT", "80.5"],
  ["SLOTS", "many"],
  ["WAIT_MS", "99"],
  ["WAIT_MS", "2147483648"],
  ["ROOTS", ":"],
  ["ROOTS", "/a:relative"],
  ["REDIS_URL", "http://h"],
  ["FAULT_POINTS", "after-claim:explode"],
  ["FAULT_POINTS", "after-claim"],
])("%s is not %j", (name, value) => {
  expect(mistakes({ ...good, [name]: value }).map((line) => line.split(":")[0])).toEqual([name]);
});

test("a connection string that cannot be read is named with what to do, and without the password", () => {
  expect(mistakes({ ...good, DATABASE_URL: "postgres://u:sec%ret@h/d" })).toEqual([
    "DATABASE_URL: the password has a % that does not begin an encoded character: write the character % as %25",
  ]);
  for (const DATABASE_URL of ["postgres://u:p@/d?host=/run/pg", "postgres://u:p@a:1,b:2/d", "postgres://u@[::1]/d"])
    expect(mistakes({ ...good, DATABASE_URL })).toEqual([]);
});

test("the message for an invalid number says which numbers are valid", () => {
  const wrong = { ...good, PORT: "65536", SLOTS: "0", WAIT_MS: "1.5" };
  expect(mistakes(wrong).sort()).toEqual([
    "PORT: must be a port, 0 to 65535",
    "SLOTS: must be a whole number, 1 or more",
    "WAIT_MS: must be a whole number of milliseconds, 100 to 2147483647",
  ]);
});

test("failpoints are parsed with the pass at which they act", () => {
  expect(loadConfig(Schema, { ...good, FAULT_POINTS: "after-claim:kill,after-step@2:500" }).FAULT_POINTS).toEqual([
    { name: "after-claim", nth: 1, act: "kill" },
    { name: "after-step", nth: 2, act: 500 },
  ]);
});

test("a value may come from a file, without its line end; the environment takes precedence", () => {
  const KEY_FILE = file("key", "from the file\n");
  expect(loadConfig(Schema, { ...good, KEY_FILE }).KEY).toBe("from the file");
  expect(loadConfig(Schema, { ...good, KEY_FILE, KEY: "from the environment" }).KEY).toBe("from the environment");
  const { DATABASE_URL, ...rest } = good;
  expect(loadConfig(Schema, { ...rest, DATABASE_URL_FILE: file("url", DATABASE_URL) }).DATABASE_URL).toBe(DATABASE_URL);
});

test("an unreadable file is a mistake; a `_FILE` of an unknown variable is ignored", () => {
  expect(mistakes({ ...good, KEY_FILE: join(folder, "missing") })).toEqual([
    "KEY_FILE: cannot read the file that it names",
  ]);
  expect(mistakes({ ...good, OTHER_FILE: join(folder, "missing") })).toEqual([]);
});

test("a list of origins may have blanks and trailing slashes, and each is written as browsers send it", () => {
  const parse = (text?: string) => origins.safeParse(text).data;
  expect(parse(undefined)).toEqual([]);
  expect(parse(" https://a.example/ , ,http://LocalHost:5173//,https://b.example:443,")).toEqual([
    ...["https://a.example", "http://localhost:5173", "https://b.example"],
  ]);
  expect(parse("capacitor://localhost, *")).toEqual(["capacitor://localhost", "*"]);
  for (const wrong of [
    "a.example",
    "https://a.example/app",
    "https://u:p@a.example",
    "https://a b",
    "null",
    "https://*/x",
    "https://*.a.example",
    "https://a.example:*",
  ]) {
    expect([wrong, parse(`https://good.example, ${wrong}`)]).toEqual([wrong, undefined]);
  }
});
