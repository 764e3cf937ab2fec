import type { Sql } from "./sql.ts";

export interface User {
  id: string;
  name: string;
}

/** @throws unique_violation (23505) when the name is taken */
export async function createUser(sql: Sql, user: User): Promise<void> {
  await sql`insert into users (id, name) values (${user.id}, ${user.name})`;
}

export async function findUserByName(sql: Sql, name: string): Promise<User | null> {
  const [user] = await sql<User[]>`select id, name from users where name = ${name}`;
  return user ?? null;
}

/** @param tokenHash SHA-256 of the token; the token itself is not stored */
export async function createToken(sql: Sql, token: { id: string; userId: string; tokenHash: Buffer }): Promise<void> {
  await sql`insert into api_tokens (id, user_id, token_hash) values (${token.id}, ${token.userId}, ${token.tokenHash})`;
}

/** @returns the user of the token; null when the token is unknown or revoked */
export async function findUserByTokenHash(sql: Sql, tokenHash: Buffer): Promise<(User & { tokenId: string }) | null> {
  const [user] = await sql<(User & { tokenId: string })[]>`
    select u.id, u.name, t.id as "tokenId"
    from api_tokens t join users u on u.id = t.user_id
    where t.token_hash = ${tokenHash} and t.revoked_at is null`;
  return user ?? null;
}

/** @returns the ids, among the given ones, of tokens that are revoked or unknown */
export async function findRevokedTokens(sql: Sql, tokenIds: string[]): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select wanted.id from unnest(${tokenIds}::uuid[]) as wanted (id)
    where not exists (select from api_tokens t where t.id = wanted.id and t.revoked_at is null)`;
  return rows.map((row) => row.id);
}

/** Revokes every token of a user. @returns how many were revoked */
export async function revokeTokens(sql: Sql, userId: string): Promise<number> {
  const result = await sql`update api_tokens set revoked_at = now() where user_id = ${userId} and revoked_at is null`;
  return result.count;
}

/** Raises the version of a user's lists. @returns the new version */
export async function raiseUserVersion(sql: Sql, userId: string, by = 1): Promise<number> {
  const [row] = await sql<[{ version: number }]>`
    update users set version = version + ${by}::int where id = ${userId} returning version`;
  return row.version;
}

/** Reads the versions of several users' lists, for the gateway's position check. */
export async function readUserVersions(sql: Sql, userIds: string[]): Promise<Map<string, number>> {
  const rows = await sql<{ id: string; version: number }[]>`
    select id, version from users where id = any(${userIds}::uuid[])`;
  return new Map(rows.map((row) => [row.id, row.version]));
}
