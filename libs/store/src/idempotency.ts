import type { Sql } from "./sql.ts";

/** What a request and its repetitions have in common. */
export interface IdempotencyKey {
  userId: string;
  key: string;
  /** The hash of method, path and body. */
  requestHash: Buffer;
}

/** The key was used before for a different request. */
export class IdempotencyKeyReused extends Error {
  override name = "IdempotencyKeyReused";
}

/**
 * Locks a key until the end of the transaction: of two requests with one key, the second then reads the answer of the first.
 * @returns what the first request was answered; null: there was none
 * @throws IdempotencyKeyReused
 */
export async function answerOfKey<A>(sql: Sql, { userId, key, requestHash }: IdempotencyKey): Promise<A | null> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`${userId} ${key}`}, 0))`;
  const [known] = await sql<{ isSame: boolean; answer: A }[]>`
    select request_hash = ${requestHash} as "isSame", answer from idempotency_keys where user_id = ${userId} and key = ${key}`;
  if (known && !known.isSame) throw new IdempotencyKeyReused();
  return known?.answer ?? null;
}

/** Stores what repetitions of a request are answered: ids only, because a stored text would outlive its deletion. */
export async function rememberAnswer(sql: Sql, key: IdempotencyKey, answer: Record<string, string>): Promise<void> {
  await sql`
    insert into idempotency_keys (user_id, key, request_hash, answer)
    values (${key.userId}, ${key.key}, ${key.requestHash}, ${sql.json(answer)})`;
}

/** The number of keys that one statement deletes: small enough to stay far below the statement time-out. */
const FORGET_AT_ONCE = 5_000;

/** Deletes keys that are older than a day. @returns how many were deleted, at most `FORGET_AT_ONCE` */
export async function forgetOldIdempotencyKeys(sql: Sql): Promise<number> {
  // By place: Postgres would look for so many keys by reading the whole table. The rows never change, so neither do their places.
  const result = await sql`
    delete from idempotency_keys where ctid = any(array(
      select ctid from idempotency_keys where created_at < now() - interval '1 day'
      order by created_at limit ${FORGET_AT_ONCE}))`;
  return result.count;
}
