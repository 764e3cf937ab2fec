import { randomBytes, randomUUID } from "node:crypto";
import type { Scope } from "@boocode/contracts";
import * as store from "@boocode/store";
import { createRemoteJWKSet, customFetch, errors, type JWTPayload, jwtVerify } from "jose";
import type { Caller } from "../tokens.ts";
import { createKeyFetcher, ProviderUnavailable } from "./fetch-keys.ts";
import type { ProviderSettings } from "./provider-env.ts";
import { isBearerAccessToken, nameIn, roleIn } from "./read-claims.ts";

/** Tokens with many groups have several KB. */
export const MAX_ACCESS_TOKEN = 8_000;
/** Limit of a provider's subject identifier (OpenID Connect Core 1.0, section 2). */
const MAX_SUBJECT = 255;
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** Identifies callers by access tokens that an identity provider signed. */
export interface IdentityProvider {
  /**
   * @returns null for a token that is not valid here, or whose user is unknown, disabled or deleted
   * @throws ProviderUnavailable when the keys cannot be read
   */
  findCaller(token: string): Promise<Caller | null>;
}

export function createIdentityProvider(
  settings: ProviderSettings,
  deps: { pool: store.Pool; fetch?: typeof fetch; onChange(error: Error | null): void },
): IdentityProvider {
  const { issuer, audience, algorithms, clockSkewS } = settings;
  // The key set is read again after ten minutes, and for an unknown key id at most every 30 seconds: jose's defaults.
  const keys = createRemoteJWKSet(new URL(issuer), {
    [customFetch]: createKeyFetcher(issuer, { fetch, now: () => performance.now(), ...deps }),
  });

  async function verify(token: string): Promise<JWTPayload | null> {
    try {
      const { payload, protectedHeader } = await jwtVerify(token, keys, {
        ...{ issuer, audience, algorithms, clockTolerance: clockSkewS },
        requiredClaims: ["exp", "sub"],
      });
      return isBearerAccessToken(protectedHeader.typ, payload) ? payload : null;
    } catch (error) {
      if (error instanceof errors.JWKSTimeout) {
        throw new ProviderUnavailable("the identity provider does not answer", { cause: error });
      }
      if (error instanceof errors.JOSEError) return null;
      throw error;
    }
  }

  return {
    async findCaller(token) {
      if (token.length > MAX_ACCESS_TOKEN || !JWT.test(token)) return null;
      const claims = await verify(token);
      if (!claims?.sub || !claims.exp || claims.sub.length > MAX_SUBJECT) return null;
      const identity = { issuer, subject: claims.sub };
      const role = roleIn(claims, settings);
      const user =
        (await store.findUserByIdentity(deps.pool, identity, role)) ??
        (settings.createUsers ? await createUser(deps.pool, identity, nameIn(claims, settings), role) : null);
      if (!user?.isEnabled) return null;
      const scopes: Scope[] = user.role === "admin" ? [...settings.scopes, "admin"] : settings.scopes;
      const expiresAt = new Date((claims.exp + clockSkewS) * 1000).toISOString();
      return {
        ...{ userId: user.id, userName: user.name, role: user.role, limits: user.limits },
        ...{ tokenId: null, scopes, expiresAt },
      };
    },
  };
}

/**
 * Makes a user at the first sight of an identity. Nothing that the person could choose at the provider becomes a right: the slug
 * is random, and a name that somebody has gets a random end.
 */
async function createUser(
  pool: store.Pool,
  identity: store.Identity,
  name: string,
  role: "user" | "admin" | null,
): Promise<store.IdentifiedUser | null> {
  const end = ` (${randomBytes(3).toString("hex")})`;
  for (const free of [name, `${name.slice(0, 180).trim()}${end}`]) {
    const created = await store.createUserForIdentity(
      pool,
      { id: randomUUID(), name: free, role: role ?? "user" },
      identity,
    );
    if (created) return await store.findUserByIdentity(pool, identity, role);
  }
  return null;
}
