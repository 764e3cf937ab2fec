import type { Role, Scope } from "@boocode/contracts";
import type { Sql } from "../sql.ts";

interface NewToken {
  id: string;
  userId: string;
  /** SHA-256 of the token; the token itself is not stored. */
  tokenHash: Buffer;
  name?: string;
  scopes?: Scope[];
  expiresAt?: Date;
}

export async function createToken(sql: Sql, token: NewToken): Promise<void> {
  await sql`
    insert into api_tokens (id, user_id, token_hash, name, scopes, expires_at)
    values (${token.id}, ${token.userId}, ${token.tokenHash}, ${token.name ?? null}, ${token.scopes ?? ["read", "ask"]}::text[],
      ${token.expiresAt ?? null})`;
}

/** A condition on `api_tokens t join users u`: the token may be used now. */
const usableToken = (sql: Sql) => sql`
  t.revoked_at is null and (t.expires_at is null or t.expires_at > now()) and u.disabled_at is null and u.deleted_at is null`;

export interface TokenOwner {
  id: string;
  name: string;
  role: Role;
  tokenId: string;
  scopes: Scope[];
  /** ISO timestamp; null: never. */
  expiresAt: string | null;
}

/** @returns null when the token is unknown, revoked or expired, or its user is disabled or deleted */
export async function findUserByTokenHash(sql: Sql, tokenHash: Buffer): Promise<TokenOwner | null> {
  const [user] = await sql<TokenOwner[]>`
    select u.id, u.name, u.role, t.id as "tokenId", to_jsonb(t.scopes) as scopes, t.expires_at as "expiresAt"
    from api_tokens t join users u on u.id = t.user_id
    where t.token_hash = ${tokenHash} and ${usableToken(sql)}`;
  return user ?? null;
}

/** @returns the ids, among the given ones, of tokens that can no longer be used */
export async function findRevokedTokens(sql: Sql, tokenIds: string[]): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select wanted.id from unnest(${tokenIds}::uuid[]) as wanted (id)
    where not exists (
      select from api_tokens t join users u on u.id = t.user_id where t.id = wanted.id and ${usableToken(sql)})`;
  return rows.map((row) => row.id);
}

/** Revokes every token of a user. @returns how many were revoked */
export async function revokeTokens(sql: Sql, userId: string): Promise<number> {
  const result = await sql`update api_tokens set revoked_at = now() where user_id = ${userId} and revoked_at is null`;
  return result.count;
}
