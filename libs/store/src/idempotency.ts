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
 * Runs `act` once per key in the caller's transaction; later calls get the stored answer. The lock is taken before the look-up,
 * so that of two concurrent calls the second waits and finds the answer of the first.
 * @param remembered returns the answer to store for later calls; null for a refusal, after which a later call acts again
 * @throws IdempotencyKeyReused
 */
export async function once<T extends object>(
  sql: Sql,
  key: IdempotencyKey | null,
  act: () => Promise<T>,
  remembered: (answer: T) => T | null,
): Promise<T> {
  if (!key) return await act();
  await sql`select pg_advisory_xact_lock(hashtextextended(${`${key.userId} ${key.key}`}, 0))`;
  const [before] = await sql<{ request_hash: Buffer; answer: T }[]>`
    select request_hash, answer from idempotency_keys where user_id = ${key.userId} and key = ${key.key}`;
  if (before) {
    if (!before.request_hash.equals(key.requestHash)) throw new IdempotencyKeyReused();
    return before.answer;
  }
  const answer = await act();
  const kept = remembered(answer);
  if (kept === null) return answer;
  await sql`
    insert into idempotency_keys (user_id, key, request_hash, answer)
    values (${key.userId}, ${key.key}, ${key.requestHash}, ${sql.json(kept as never)})`;
  return answer;
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
