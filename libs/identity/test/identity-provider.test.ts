import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { testDatabase } from "@boocode/backing-services/testing";
import { createCallerFinder, hasAudience, ProviderUnavailable, providerEnv } from "@boocode/identity";
import { connectPostgres, type Postgres } from "@boocode/runtime";
import { createUser, linkIdentity, listAudit } from "@boocode/store";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { z } from "zod";

const AUDIENCE = "https://boo.example/api";
const Env = z.object(providerEnv).refine(...hasAudience);

type Key = Awaited<ReturnType<typeof generateKeyPair>>["privateKey"];

/** A provider whose every answer a test can change. `oidc-provider.test.ts` asks a real one. */
async function startProvider() {
  const keys = new Map<string, { key: Key; jwk: object }>();
  const state = { asked: [] as string[], broken: false, document: {} as object };
  const server = createServer((request, response) => {
    state.asked.push(request.url ?? "");
    if (state.broken) return void response.writeHead(500).end();
    const isDocument = request.url === "/.well-known/openid-configuration";
    const document = { issuer, jwks_uri: `${issuer}/keys`, ...state.document };
    response.end(JSON.stringify(isDocument ? document : { keys: [...keys.values()].map(({ jwk }) => jwk) }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const addKey = async (kid: string, alg = "ES256") => {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    keys.set(kid, { key: privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: "sig" } });
    return privateKey;
  };
  await addKey("first");
  return {
    ...{ issuer, state, addKey, keys },
    sign(claims: JWTPayload = {}, { kid = "first", alg = "ES256", typ = "at+jwt", key = keys.get(kid)?.key } = {}) {
      const payload = { iss: issuer, aud: AUDIENCE, sub: "ada", exp: Math.floor(Date.now() / 1000) + 300, ...claims };
      return new SignJWT(payload).setProtectedHeader({ alg, kid, typ }).sign(key as Key);
    },
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

let pool: Postgres;
let drop: () => Promise<void>;
let provider: Awaited<ReturnType<typeof startProvider>>;
let logged: string[];

beforeAll(async () => {
  const database = await testDatabase();
  drop = database.drop;
  pool = connectPostgres(database.url, { name: "test", connections: 4 });
});
afterAll(async () => {
  await pool.end({ timeout: 2 });
  await drop();
});
beforeEach(async () => {
  logged = [];
  provider = await startProvider();
});
afterEach(() => provider.close());

function finder(env: Record<string, string> = {}) {
  const settings = { OIDC_ISSUER: provider.issuer, OIDC_AUDIENCE: AUDIENCE, OIDC_CREATE_USERS: "1", ...env };
  const log = { warn: (_: object, message: string) => logged.push(message), info: (text: string) => logged.push(text) };
  return createCallerFinder(Env.parse(settings), { pool, log });
}

test("a valid token identifies its subject's user, who is made at first sight, once, and found again", async () => {
  const find = finder();
  const token = await provider.sign({ preferred_username: "Ada" });
  const callers = await Promise.all(Array.from({ length: 8 }, () => find(token)));
  const [caller] = callers;
  expect(new Set(callers.map((each) => each?.userId)).size).toBe(1);
  expect(caller).toMatchObject({ userName: "Ada", role: "user", tokenId: null, scopes: ["read", "ask"] });
  expect(Date.parse(caller?.expiresAt ?? "")).toBeGreaterThan(Date.now() + 250_000);
  const [user] = await pool`select slug from users where id = ${caller?.userId ?? null}`;
  expect(user?.slug).toMatch(/^u-[0-9a-f]{16}$/);
  const { events } = await listAudit(pool, { user_id: caller?.userId, limit: 10 });
  expect(events).toMatchObject([{ event: "user.created", actor: "service", detail: { issuer: provider.issuer } }]);
});

test("a user is the issuer and the subject, whatever name or e-mail address the token states", async () => {
  const find = finder();
  const first = await find(await provider.sign({ sub: "1", preferred_username: "eve", email: "eve@boo.example" }));
  const renamed = await find(await provider.sign({ sub: "1", preferred_username: "bob", email: "bob@boo.example" }));
  const namesake = await find(await provider.sign({ sub: "2", preferred_username: "eve", email: "eve@boo.example" }));
  expect(renamed).toEqual({ ...first, expiresAt: renamed?.expiresAt });
  expect(namesake?.userId).not.toBe(first?.userId);
  expect(namesake?.userName).toMatch(/^eve \([0-9a-f]{6}\)$/);
  const strange = await find(await provider.sign({ sub: "3", preferred_username: "a\nb" }));
  expect(strange?.userName).toBe("user");
});

test("a stranger stays one where users are not made, until the operator links the identity to a user", async () => {
  const find = finder({ OIDC_CREATE_USERS: "0" });
  const token = await provider.sign({ sub: "linked" });
  expect(await find(token)).toBeNull();
  const id = randomUUID();
  await createUser(pool, { id, name: id });
  const identity = { issuer: provider.issuer, subject: "linked" };
  expect([await linkIdentity(pool, id, identity), await linkIdentity(pool, id, identity)]).toEqual([true, false]);
  expect(await find(token)).toMatchObject({ userId: id });
});

test.each<[string, JWTPayload, object?]>([
  ["another issuer", { iss: "https://evil.example" }],
  ["another audience", { aud: "https://other.example" }],
  ["no audience", { aud: undefined }],
  ["no expiry", { exp: undefined }],
  ["an expiry in the past, beyond the clock skew", { exp: Math.floor(Date.now() / 1000) - 40 }],
  ["a beginning in the future", { nbf: Math.floor(Date.now() / 1000) + 100 }],
  ["no subject", { sub: undefined }],
  ["an empty subject", { sub: "" }],
  ["a subject that is too long", { sub: "x".repeat(256) }],
  ["a key to which it is bound", { cnf: { jkt: "x" } }],
  ["the type of a logout token", {}, { typ: "logout+jwt" }],
  ["an unknown key id", {}, { kid: "unknown", key: "first" }],
])("a token with %s is refused", async (_what, claims, header = {}) => {
  const find = finder();
  expect(await find(await provider.sign())).not.toBeNull();
  const { key, ...rest } = header as { key?: string };
  const signing = key ? { ...rest, key: provider.keys.get(key)?.key } : rest;
  expect(await find(await provider.sign(claims, signing))).toBeNull();
});

test("a token is refused that is unsigned, signed with the public key as a secret, changed, or of another algorithm", async () => {
  const find = finder({ OIDC_ALGORITHMS: "ES256" });
  // Before the keys are read: its token is of a known key.
  await provider.addKey("second", "RS256");
  const token = await provider.sign();
  expect(await find(token)).not.toBeNull();
  const [head = "", body = "", signature = ""] = token.split(".");
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = JSON.parse(Buffer.from(body, "base64url").toString());
  const secret = new TextEncoder().encode(JSON.stringify(provider.keys.get("first")?.jwk));
  for (const bad of [
    `${encode({ alg: "none", kid: "first" })}.${body}.`,
    `${encode({ alg: "none", kid: "first" })}.${body}.${signature}`,
    await new SignJWT(claims).setProtectedHeader({ alg: "HS256", kid: "first" }).sign(secret),
    `${head}.${encode({ ...claims, sub: "root" })}.${signature}`,
    await provider.sign({}, { alg: "RS256", kid: "second" }),
    `${token}x`,
    `x${token}`,
    "a.b.c",
    await provider.sign({ groups: "x".repeat(8_000) }),
  ]) {
    expect([bad.slice(0, 60), await find(bad)]).toEqual([bad.slice(0, 60), null]);
  }
});

test("the clock of the provider may differ a little", async () => {
  const find = finder();
  const now = Math.floor(Date.now() / 1000);
  expect(await find(await provider.sign({ exp: now - 5, nbf: now + 5 }))).not.toBeNull();
});

test("a role comes from a claim where one is configured: it is given, taken back, and recorded", async () => {
  const find = finder({ OIDC_ROLE_CLAIM: "realm_access.roles", OIDC_ADMIN_ROLE: "boss" });
  const withRoles = (...roles: string[]) => provider.sign({ sub: "roles", realm_access: { roles } });
  const admin = await find(await withRoles("x", "boss"));
  expect(admin).toMatchObject({ role: "admin", scopes: ["read", "ask", "admin"] });
  expect(await find(await withRoles("x"))).toMatchObject({ role: "user", scopes: ["read", "ask"] });
  expect(await pool`select role from users where id = ${admin?.userId ?? null}`).toEqual([{ role: "user" }]);
  const { events } = await listAudit(pool, { event: "user.role_changed", user_id: admin?.userId, limit: 10 });
  expect(events).toMatchObject([{ actor: "service", detail: { role: "user" } }]);
  expect(await find(await provider.sign({ sub: "roles", realm_access: "boss" }))).toMatchObject({ role: "user" });
  expect(await find(await withRoles("bossy", "no boss"))).toMatchObject({ role: "user" });
});

test.each(["disabled_at", "deleted_at"])("a user with %s is refused, and does not come back", async (column) => {
  const find = finder({ OIDC_ROLE_CLAIM: "roles", OIDC_ADMIN_ROLE: "boss" });
  const caller = await find(await provider.sign({ sub: column }));
  await pool`update users set ${pool(column)} = now() where id = ${caller?.userId ?? null}`;
  expect(await find(await provider.sign({ sub: column, roles: ["boss"] }))).toBeNull();
  expect(await pool`select role from users where id = ${caller?.userId ?? null}`).toEqual([{ role: "user" }]);
  expect(await pool`select 1 from user_identities where subject = ${column}`).toHaveLength(1);
});

test("unknown key ids cannot make the service ask the provider again and again", async () => {
  const find = finder();
  await find(await provider.sign());
  const asked = provider.state.asked.length;
  const key = provider.keys.get("first")?.key;
  for (let each = 0; each < 50; each++)
    expect(await find(await provider.sign({}, { kid: `k${each}`, key }))).toBeNull();
  expect(provider.state.asked.length).toBe(asked);
});

test("a new key of the provider is found within 30 seconds, and a withdrawn one is refused after ten minutes", async () => {
  const find = finder();
  vi.useFakeTimers({ toFake: ["Date"] });
  try {
    const exp = Math.floor(Date.now() / 1000) + 3_600;
    const old = await provider.sign({ exp });
    expect(await find(old)).not.toBeNull();
    await provider.addKey("second");
    provider.keys.delete("first");
    vi.setSystemTime(Date.now() + 31_000);
    const newer = await provider.sign({ exp }, { kid: "second" });
    expect(await find(newer)).not.toBeNull();
    expect(await find(old)).toBeNull();
    await provider.addKey("third");
    provider.keys.delete("second");
    vi.setSystemTime(Date.now() + 601_000);
    expect(await find(newer)).toBeNull();
    expect(await find(await provider.sign({}, { kid: "third" }))).not.toBeNull();
  } finally {
    vi.useRealTimers();
  }
});

test("while the provider is away, what is known still works, and the rest is unavailable, not refused", async () => {
  const [warm, cold] = [finder(), finder()];
  const token = await provider.sign();
  expect(await warm(token)).not.toBeNull();
  provider.state.broken = true;
  expect(await warm(token)).not.toBeNull();
  for (let each = 0; each < 20; each++) await expect(cold(token)).rejects.toThrow(ProviderUnavailable);
  expect(provider.state.asked.length).toBeLessThan(5);
  expect(logged).toEqual(["the identity provider's keys cannot be read"]);
});

test.each<[string, object]>([
  ["calls itself something else", { issuer: "https://evil.example" }],
  ["has its keys at a host without TLS", { jwks_uri: "http://evil.example/keys" }],
  ["names no keys", { jwks_uri: undefined }],
])("a provider that %s is not believed", async (_what, document) => {
  provider.state.document = document;
  await expect(finder()(await provider.sign())).rejects.toThrow(ProviderUnavailable);
});

test.each<[Record<string, string | undefined>, string]>([
  [{ OIDC_AUDIENCE: "" }, "OIDC_AUDIENCE"],
  [{ OIDC_AUDIENCE: undefined }, "OIDC_AUDIENCE"],
  [{ OIDC_ISSUER: "http://idp.example" }, "OIDC_ISSUER"],
  [{ OIDC_ISSUER: "https://u:p@idp.example" }, "OIDC_ISSUER"],
  [{ OIDC_ALGORITHMS: "HS256" }, "OIDC_ALGORITHMS"],
  [{ OIDC_ALGORITHMS: "none" }, "OIDC_ALGORITHMS"],
  [{ OIDC_CLOCK_SKEW_S: "900" }, "OIDC_CLOCK_SKEW_S"],
  [{ OIDC_SCOPES: "read,admin" }, "OIDC_SCOPES"],
  [{ OIDC_CREATE_USERS: "yes" }, "OIDC_CREATE_USERS"],
])("the settings %j are refused", (env, path) => {
  const { error } = Env.safeParse({ OIDC_ISSUER: "https://idp.example", OIDC_AUDIENCE: AUDIENCE, ...env });
  expect(error?.issues.map((issue) => issue.path[0])).toContain(path);
});
