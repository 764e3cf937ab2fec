import { expect, test } from "vitest";
import { createKeyFetcher, ProviderUnavailable } from "./fetch-keys.ts";

const ISSUER = "https://idp.example";
const MINUTE = 60_000;
const KEYS = JSON.stringify({ keys: [] });

/** A provider whose answers a test can change, and a clock. */
function setUp(change: Record<string, () => Response> = {}) {
  const document = { issuer: ISSUER, jwks_uri: `${ISSUER}/keys` };
  const state = { now: 0, isAway: false, asked: [] as [url: string, redirect: string | undefined][] };
  const answers: Record<string, () => Response> = {
    [`${ISSUER}/.well-known/openid-configuration`]: () => Response.json(document),
    [`${ISSUER}/keys`]: () => new Response(KEYS),
    ...change,
  };
  const fetchKeys = createKeyFetcher(ISSUER, {
    fetch: async (url, init) => {
      state.asked.push([String(url), init?.redirect]);
      if (state.isAway) throw new Error("away");
      return answers[String(url)]?.() ?? new Response("", { status: 404 });
    },
    now: () => state.now,
    onChange: () => {},
  });
  const read = async () => {
    const options = { headers: new Headers(), method: "GET", redirect: "manual", signal: new AbortController().signal };
    return await (await fetchKeys(ISSUER, options as never)).text();
  };
  return { state, read };
}

test("keys that were read once are good for an hour while the provider is away, and no longer", async () => {
  const { state, read } = setUp();
  expect(await read()).toBe(KEYS);
  state.isAway = true;
  state.now = 59 * MINUTE;
  expect(await read()).toBe(KEYS);
  state.now = 61 * MINUTE;
  await expect(read()).rejects.toThrow(ProviderUnavailable);
  state.isAway = false;
  await expect(read()).rejects.toThrow(ProviderUnavailable);
  state.now += 6_000;
  expect(await read()).toBe(KEYS);
});

test("no redirect of the provider is followed", async () => {
  const { state, read } = setUp();
  await read();
  expect(state.asked.map(([, redirect]) => redirect)).toEqual(["error", "error"]);
});

const documentWith = (change: object) => () => Response.json({ issuer: ISSUER, jwks_uri: `${ISSUER}/keys`, ...change });

test.each<[string, Record<string, () => Response>]>([
  ["fails", { [`${ISSUER}/keys`]: () => new Response(KEYS, { status: 500 }) }],
  ["is no key set", { [`${ISSUER}/keys`]: () => Response.json({ keys: "none" }) }],
  ["is too large", { [`${ISSUER}/keys`]: () => new Response(`${KEYS}${" ".repeat(512 * 1024)}`) }],
  [
    "comes from a host without TLS",
    {
      [`${ISSUER}/.well-known/openid-configuration`]: documentWith({ jwks_uri: "http://idp.example/keys" }),
      "http://idp.example/keys": () => new Response(KEYS),
    },
  ],
  ["is of another issuer", { [`${ISSUER}/.well-known/openid-configuration`]: documentWith({ issuer: "https://x" }) }],
])("an answer that %s gives no keys", async (_what, change) => {
  await expect(setUp(change).read()).rejects.toThrow(ProviderUnavailable);
});
