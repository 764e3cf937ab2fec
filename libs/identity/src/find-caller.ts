import { findEndedCredentials, type Pool, readCredentials, type Sql } from "@boocode/store";
import { createIdentityProvider } from "./provider/identity-provider.ts";
import { type ProviderEnv, providerSettingsOf } from "./provider/provider-env.ts";
import { type Caller, findCaller } from "./tokens.ts";

/** The part of a logger that this needs. */
interface Log {
  warn(fields: object, message: string): void;
  info(message: string): void;
}

/**
 * @param env says whether an identity provider's access tokens are accepted besides our own
 * @returns a function that identifies the caller of a request by its bearer token; it throws ProviderUnavailable
 */
export function createCallerFinder(
  env: ProviderEnv,
  { pool, log }: { pool: Pool; log: Log },
): (token: string) => Promise<Caller | null> {
  const settings = providerSettingsOf(env);
  const provider =
    settings &&
    createIdentityProvider(settings, {
      pool,
      onChange(err) {
        if (err) log.warn({ err }, "the identity provider's keys cannot be read");
        else log.info("the identity provider's keys can be read again");
      },
    });
  return async (token) => (await findCaller(pool, token)) ?? (await provider?.findCaller(token)) ?? null;
}

/** @returns the callers as they are now, with the role and the limits of today; one whose credential has ended is missing */
export async function renewCallers(sql: Sql, callers: Caller[]): Promise<Map<Caller, Caller>> {
  const now = Date.now();
  const kept = callers.filter(({ expiresAt }) => expiresAt === null || Date.parse(expiresAt) > now);
  const facts = kept.length === 0 ? new Map() : await readCredentials(sql, kept);
  return new Map(
    kept.flatMap((caller, index) => (facts.has(index) ? [[caller, { ...caller, ...facts.get(index) }]] : [])),
  );
}

/** @returns those callers whose credential has ended since: it expired or was revoked, or its user was disabled or deleted */
export async function findEndedCallers(sql: Sql, callers: Caller[]): Promise<Set<Caller>> {
  const now = Date.now();
  const [expired, others]: [Caller[], Caller[]] = [[], []];
  for (const caller of callers)
    (caller.expiresAt !== null && Date.parse(caller.expiresAt) <= now ? expired : others).push(caller);
  const ended = await findEndedCredentials(sql, others);
  return new Set([...expired, ...others.filter((_, index) => ended.has(index))]);
}
