import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { z } from "zod";
import { checkRedisSettings, redisEnv } from "./redis-env.ts";

const Schema = z.object(redisEnv).superRefine(checkRedisSettings);
const path = fileURLToPath(new URL("../../test/tls/cert.pem", import.meta.url));
const PEM = readFileSync(path, "utf8");

const mistakes = (env: Record<string, string>) =>
  Schema.safeParse({ REDIS_URL: "rediss://h", ...env }).error?.issues.map(
    (issue) => `${issue.path.join(".")} ${issue.message}`,
  ) ?? [];

test("certificates are PEM text, also with its line ends escaped, or the path of a file", () => {
  for (const REDIS_TLS_CA of [PEM, PEM.replaceAll("\n", "\\n"), path]) {
    expect(Schema.parse({ REDIS_URL: "rediss://h", REDIS_TLS_CA }).REDIS_TLS_CA?.trim()).toBe(PEM.trim());
  }
  for (const wrong of [
    "/nowhere/ca.pem",
    "text",
    fileURLToPath(import.meta.url).replace("redis-env.test", "redis-url"),
  ]) {
    expect(mistakes({ REDIS_TLS_CA: wrong })).toEqual(["REDIS_TLS_CA must be PEM text, or the path of a PEM file"]);
  }
});

test("announced addresses are mapped to those that can be reached", () => {
  const { REDIS_NAT_MAP } = Schema.parse({
    REDIS_URL: "redis://h",
    REDIS_NAT_MAP: "10.0.0.1:1=a.example:2, 10.0.0.2:1=b:3",
  });
  expect(REDIS_NAT_MAP).toEqual({ "10.0.0.1:1": { host: "a.example", port: 2 }, "10.0.0.2:1": { host: "b", port: 3 } });
  expect(mistakes({ REDIS_NAT_MAP: "10.0.0.1=a:2" })[0]).toMatch(/must be pairs such as/);
});

test.each<[Record<string, string>, RegExp]>([
  [{ REDIS_URL: "redis+cluster://h/1" }, /^REDIS_URL names a database/],
  [{ REDIS_URL: "redis://h", REDIS_TLS_CA: PEM }, /^REDIS_TLS_CA has no effect/],
  [{ REDIS_URL: "redis://h", REDIS_TLS_SERVER_NAME: "n" }, /^REDIS_TLS_SERVER_NAME has no effect/],
  [{ REDIS_TLS_CERT: PEM }, /^REDIS_TLS_CERT must be set together with REDIS_TLS_KEY/],
  [{ REDIS_TLS_KEY: PEM }, /^REDIS_TLS_CERT must be set together with REDIS_TLS_KEY/],
  [{ REDIS_URL: "rediss://h?ssl_cert_reqs=none", REDIS_TLS_CA: PEM }, /^REDIS_TLS_CA has no effect/],
  [{ REDIS_SENTINEL_PASSWORD: "p" }, /^REDIS_SENTINEL_PASSWORD has no effect/],
])("settings of Redis that contradict each other are mistakes: %j", (env, message) => {
  expect(mistakes(env)).toEqual([expect.stringMatching(message)]);
});

test("TLS to the Sentinels alone takes the same settings", () => {
  const REDIS_URL = "redis+sentinel://h/m?sentinel_tls=yes";
  expect(mistakes({ REDIS_URL, REDIS_TLS_CA: PEM, REDIS_SENTINEL_PASSWORD: "p" })).toEqual([]);
});
