import { type LimitChange, MAX_TOKENS, type Role, type Scope, type Token } from "@boocode/contracts";
import { askedBy, projectIdsOf } from "../access.ts";
import { type Actor, recordAudit } from "../audit.ts";
import type { Change } from "../changes.ts";
import { only, type Pool, type Sql } from "../sql.ts";
import { cancelRevokedTurns } from "./cancel-revoked.ts";
import { liveToken, mayAct, type Requester, usableToken } from "./credential.ts";

export interface NewToken {
  id: string;
  userId: string;
  /** SHA-256 of the token; the token itself is not stored. */
  tokenHash: Buffer;
  name?: string;
  scopes?: Scope[];
  expiresAt?: Date | null;
}

const columns = (sql: Sql) => sql`
  t.id, t.name, to_jsonb(t.scopes) as scopes, t.created_at, t.expires_at, t.last_used_at`;

export async function createToken(sql: Sql, token: NewToken): Promise<Token> {
  return only(
    await sql<Token[]>`
      insert into api_tokens as t (id, user_id, token_hash, name, scopes, expires_at)
      values (${token.id}, ${token.userId}, ${token.tokenHash}, ${token.name ?? null},
        ${token.scopes ?? ["read", "ask"]}::text[], ${token.expiresAt ?? null})
      returning ${columns(sql)}`,
  );
}

/** Limit of a user's tokens, dead ones of the last day included: the table must not grow with each one made and revoked. */
const MAX_ROWS = 1_000;

/** Why no token was created. Nothing was written. */
export type TokenRefusal = "no_user" | "has_data" | "revoked" | "too_many" | "expired";

/**
 * Creates a token for a request and records it. The caller has decided what the token may permit.
 * @returns `has_data` when an administrator wants a token of another user with which content could be read; `revoked` when the
 * actor lost the right meanwhile
 */
export async function createTokenAs(pool: Pool, actor: Requester, token: NewToken): Promise<Token | TokenRefusal> {
  const { userId, expiresAt = null } = token;
  return await pool.begin(async (sql) => {
    // Locked, so that concurrent creations are counted one after the other.
    const [user] = await sql`select from users where id = ${userId} and deleted_at is null for no key update`;
    if (!user) return "no_user";
    const isOwn = actor.userId === userId;
    if (!isOwn && (await hasData(sql, userId))) return "has_data";
    if (!(await mayAct(sql, actor, isOwn ? "user" : "admin"))) return "revoked";
    const [{ isPast }] = await sql<[{ isPast: boolean }]>`
      select coalesce(${expiresAt}::timestamptz <= now(), false) as "isPast"`;
    if (isPast) return "expired";
    await sql`
      delete from api_tokens where user_id = ${userId} and least(revoked_at, expires_at) < now() - interval '1 day'`;
    const { live, all } = only(
      await sql<{ live: number; all: number }[]>`
        select count(*) filter (where ${liveToken(sql)}) as live, count(*) as all from api_tokens t where t.user_id = ${userId}`,
    );
    if (live >= MAX_TOKENS || all >= MAX_ROWS) return "too_many";
    const created = await createToken(sql, token);
    const detail = { token: created.id, scopes: created.scopes, expires_at: created.expires_at };
    await recordAudit(sql, { event: "token.created", actor, userId, detail });
    return created;
  });
}

/** Whether a token of the user would show texts to its holder. */
async function hasData(sql: Sql, userId: string): Promise<boolean> {
  const [row] = await sql<[{ has: boolean }]>`
    select exists (select from (${projectIdsOf(sql, userId)}) readable)
      or exists (select from turns t where ${askedBy(sql, userId)}) as has`;
  return row.has;
}

/** Lists the tokens of a user that are neither revoked nor expired, newest first. */
export async function listTokens(sql: Sql, userId: string): Promise<Token[]> {
  return await sql<Token[]>`
    select ${columns(sql)} from api_tokens t where t.user_id = ${userId} and ${liveToken(sql)}
    order by t.created_at desc, t.id limit 1000`;
}

/** @returns the id of the user whose token it is */
export async function findTokenOwner(sql: Sql, tokenId: string): Promise<string | null> {
  const [token] = await sql<{ user_id: string }[]>`select user_id from api_tokens where id = ${tokenId}`;
  return token?.user_id ?? null;
}

/**
 * Revokes one token and cancels the turns that were posted with it.
 * @returns null when the user has no such token, or it was revoked before
 */
export async function revokeToken(
  pool: Pool,
  actor: Actor,
  { tokenId, userId }: { tokenId: string; userId: string },
): Promise<{ changes: Change[] } | null> {
  const isRevoked = await pool.begin(async (sql) => {
    const revoked = await sql`
      update api_tokens set revoked_at = now()
      where id = ${tokenId} and user_id = ${userId} and revoked_at is null returning id`;
    if (revoked.length === 0) return false;
    await recordAudit(sql, { event: "token.revoked", actor, userId, detail: { token: tokenId } });
    return true;
  });
  if (!isRevoked) return null;
  // In a transaction of its own, because the lock order has sessions before tokens.
  return {
    changes: await pool.begin((sql) =>
      cancelRevokedTurns(sql, sql`${askedBy(sql, userId)} and t.token_id = ${tokenId}`),
    ),
  };
}

/** Revokes every token of a user. @returns how many were revoked */
export async function revokeTokens(sql: Sql, userId: string): Promise<number> {
  // Locked in the order of recordTokenUses.
  const result = await sql`
    update api_tokens set revoked_at = now() where id in (
      select id from api_tokens where user_id = ${userId} and revoked_at is null order by id for no key update)`;
  return result.count;
}

/** Revokes every token of a user and cancels the turns that were posted with them. @returns how many were revoked */
export async function revokeAllTokens(pool: Pool, actor: Actor, userId: string): Promise<number> {
  const count = await pool.begin(async (sql) => {
    const revoked = await revokeTokens(sql, userId);
    if (revoked > 0) await recordAudit(sql, { event: "token.revoked", actor, userId, detail: { tokens: revoked } });
    return revoked;
  });
  await pool.begin((sql) => cancelRevokedTurns(sql, sql`${askedBy(sql, userId)} and t.token_id is not null`));
  return count;
}

export interface TokenOwner {
  id: string;
  name: string;
  role: Role;
  limits: LimitChange | null;
  tokenId: string;
  scopes: Scope[];
  /** ISO timestamp; null: never. */
  expiresAt: string | null;
}

/** @returns null when the token is unknown, revoked or expired, or its user is disabled or deleted */
export async function findUserByTokenHash(sql: Sql, tokenHash: Buffer): Promise<TokenOwner | null> {
  const [user] = await sql<TokenOwner[]>`
    select u.id, u.name, u.role, u.limits, t.id as "tokenId", to_jsonb(t.scopes) as scopes, t.expires_at as "expiresAt"
    from api_tokens t join users u on u.id = t.user_id
    where t.token_hash = ${tokenHash} and ${usableToken(sql)}`;
  return user ?? null;
}

/**
 * Records when tokens were last used, all in one statement. The rows are locked by id, because other processes write the same
 * ones at the same time. What another process wrote later stays.
 * @param uses how long ago each token was used, by its id
 */
export async function recordTokenUses(sql: Sql, uses: { tokenId: string; agoMs: number }[]): Promise<void> {
  await sql`
    update api_tokens t set last_used_at = greatest(t.last_used_at, used.at)
    from (
      select t.id, now() - wanted.ago_ms * interval '1 millisecond' as at
      from unnest(${uses.map((use) => use.tokenId)}::uuid[], ${uses.map((use) => use.agoMs)}::float8[]) as wanted (id, ago_ms)
      join api_tokens t on t.id = wanted.id
      order by t.id for no key update of t
    ) used
    where t.id = used.id`;
}

/** Gives a token other scopes, for the operator. */
export async function changeScopes(sql: Sql, tokenId: string, scopes: Scope[]): Promise<void> {
  await sql`update api_tokens set scopes = ${scopes}::text[] where id = ${tokenId}`;
}
