import type { LimitChange, Role, Scope } from "@boocode/contracts";
import type { Actor } from "../audit.ts";
import type { Sql } from "../sql.ts";

/** A condition on `api_tokens t`: it is neither revoked nor expired. */
export const liveToken = (sql: Sql) => sql`t.revoked_at is null and (t.expires_at is null or t.expires_at > now())`;

/** A condition on `users u`: the user may do something. */
export const enabledUser = (sql: Sql) => sql`u.disabled_at is null and u.deleted_at is null`;

/** A condition on `api_tokens t join users u`: the token may be used now. */
export const usableToken = (sql: Sql) => sql`${liveToken(sql)} and ${enabledUser(sql)}`;

/** A user who sent a request. */
export type Requester = Exclude<Actor, string>;

/**
 * Whether a requester may still act, for what outlives the request: the credential may have been revoked since it was
 * authenticated. Its token is locked, so that a revocation either comes first or waits for this transaction.
 * @param as `admin`: the requester must still be an administrator, too
 */
export async function mayAct(sql: Sql, { userId, tokenId }: Requester, as: "user" | "admin"): Promise<boolean> {
  const hasRole = as === "admin" ? sql`u.role = 'admin'` : sql`true`;
  const rows =
    tokenId === null
      ? await sql`select from users u where u.id = ${userId} and ${enabledUser(sql)} and ${hasRole}`
      : await sql`
          select from api_tokens t join users u on u.id = t.user_id
          where t.id = ${tokenId} and u.id = ${userId} and ${usableToken(sql)} and ${hasRole} for share of t`;
  return rows.length > 0;
}

/** An expression: whether a requester's credential can be used now. */
export const isUsable = (sql: Sql, { userId, tokenId }: Requester) =>
  tokenId === null
    ? sql`exists (select from users u where u.id = ${userId} and ${enabledUser(sql)})`
    : sql`exists (
        select from api_tokens t join users u on u.id = t.user_id
        where t.id = ${tokenId} and u.id = ${userId} and ${usableToken(sql)})`;

/** What a credential permits now. One that is no token of ours has only what its user has. */
export interface CredentialFacts {
  userName: string;
  role: Role;
  limits: LimitChange | null;
  scopes?: Scope[];
  /** ISO timestamp; null: never. */
  expiresAt?: string | null;
}

/** Reads many credentials in one statement. @returns those that can be used now, by their index */
export async function readCredentials(sql: Sql, credentials: Requester[]): Promise<Map<number, CredentialFacts>> {
  const rows = await sql<(Required<CredentialFacts> & { at: number; isToken: boolean })[]>`
    select wanted.at, u.name as "userName", u.role, u.limits,
      t.id is not null as "isToken", to_jsonb(t.scopes) as scopes, t.expires_at as "expiresAt"
    from unnest(
        ${credentials.map(({ userId }) => userId)}::uuid[], ${credentials.map(({ tokenId }) => tokenId)}::uuid[]
      ) with ordinality as wanted (user_id, token_id, at)
    join users u on u.id = wanted.user_id
    left join api_tokens t on t.id = wanted.token_id and t.user_id = u.id and ${liveToken(sql)}
    where ${enabledUser(sql)} and (wanted.token_id is null or t.id is not null)`;
  return new Map(
    rows.map(({ at, isToken, scopes, expiresAt, ...user }) => [
      at - 1,
      isToken ? { ...user, scopes, expiresAt } : user,
    ]),
  );
}

/**
 * Checks many credentials at once.
 * @param credentials `tokenId` null: the user was identified by other means, and only has to be enabled
 * @returns the indexes of those that can no longer be used
 */
export async function findEndedCredentials(sql: Sql, credentials: Requester[]): Promise<Set<number>> {
  if (credentials.length === 0) return new Set();
  const rows = await sql<{ at: number }[]>`
    select wanted.at from unnest(
        ${credentials.map(({ userId }) => userId)}::uuid[], ${credentials.map(({ tokenId }) => tokenId)}::uuid[]
      ) with ordinality as wanted (user_id, token_id, at)
    where case when wanted.token_id is null
      then not exists (select from users u where u.id = wanted.user_id and ${enabledUser(sql)})
      else not exists (
        select from api_tokens t join users u on u.id = t.user_id
        where t.id = wanted.token_id and u.id = wanted.user_id and ${usableToken(sql)}) end`;
  return new Set(rows.map(({ at }) => Number(at) - 1));
}
