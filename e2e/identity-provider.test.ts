import { generateKeyPairSync } from "node:crypto";
import { CLOSE_CODES, type Me } from "@boocode/contracts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AUDIENCE, type IdentityProvider, startIdentityProvider } from "./harness/identity-provider.ts";
import { createRest } from "./harness/rest.ts";
import { type System, startSystem } from "./harness/start-system.ts";
import { subscribed, watchUser } from "./harness/watch.ts";

let provider: IdentityProvider;
let system: System;

const newKey = (kid: string) => ({
  ...generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" }),
  ...{ kid, alg: "ES256", use: "sig" },
});
const restOf = (token: string) => createRest(() => system.apis[0]?.url as string, token);
const gateway = () => system.gateways[0]?.url as string;

beforeAll(async () => {
  provider = await startIdentityProvider({ jwk: newKey("first"), lifeS: { ada: 600, eve: 600, brief: 2 } });
  system = await startSystem({
    workers: 0,
    env: {
      ...{ OIDC_ISSUER: provider.issuer, OIDC_AUDIENCE: AUDIENCE, OIDC_NAME_CLAIM: "client_id" },
      ...{ OIDC_CREATE_USERS: "1", OIDC_CLOCK_SKEW_S: "0" },
    },
  });
});
afterAll(async () => {
  await system?.stop();
  await provider?.stop();
});

test("an access token of a real provider is good for the API, a ticket and a socket", async () => {
  const token = await provider.token("ada");
  const { body } = await restOf(token).request<Me>("GET", "/api/me");
  expect(body).toMatchObject({ name: "ada", role: "user", scopes: ["read", "ask"] });
  const watch = await subscribed(watchUser(gateway(), token));
  const { body: made } = await restOf(token).request<{ ticket: string }>("POST", "/api/ws-tickets");
  const other = await subscribed(watchUser(gateway(), null, `?ticket=${made.ticket}`));
  await Promise.all([watch.close(), other.close()]);
});

test("a socket ends when its access token expires", async () => {
  const watch = await subscribed(watchUser(gateway(), await provider.token("brief")));
  expect(await watch.closed).toBe(CLOSE_CODES.unauthenticated.code);
});

test("a disabled user's socket ends, and so does the ticket that was made before", async () => {
  const token = await provider.token("eve");
  const me = await restOf(token).request<Me>("GET", "/api/me");
  const watch = await subscribed(watchUser(gateway(), token));
  const { body: made } = await restOf(token).request<{ ticket: string }>("POST", "/api/ws-tickets");
  await system.sql`update users set disabled_at = now() where id = ${me.body.id}`;
  const refused = watchUser(gateway(), null, `?ticket=${made.ticket}`);
  expect([await refused.closed, await watch.closed]).toEqual([4401, 4401]);
  expect(refused.frames).toEqual([]);
  // The API remembers for up to two seconds who has a token.
  const status = async () => (await restOf(token).request("GET", "/api/me")).status;
  await expect.poll(status, { timeout: 10_000 }).toBe(401);
});
