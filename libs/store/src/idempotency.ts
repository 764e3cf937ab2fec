import type { Sql } from "./sql.ts";

/** What makes a request the same one again: its user and key, and a hash of its method, path and body. */
export interface IdempotencyKey {
  userId: string;
  key: string;
  requestHash: Buffer;
}

/** The key was used before with another request. */
export class IdempotencyKeyReused extends Error {
  override name = "IdempotencyKeyReused";
}

/**
 * Runs `act` once for each key, inside the caller's transaction, and gives the first answer to every later call. Calls
 * under one key wait for each other: the lock is taken before the look-up, so that two at once cannot both find nothing.
 * @param remembered what later calls get; null for a refusal, which is not remembered: the same request may be made again
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

/** So many are forgotten in well under the time that a statement has. */
const FORGET_AT_ONCE = 5_000;

/** Keys are remembered for a day. @returns how many were forgotten, at most `FORGET_AT_ONCE` */
export async function forgetOldIdempotencyKeys(sql: Sql): Promise<number> {
  const result = await sql`
    delete from idempotency_keys where (user_id, key) in (
      select user_id, key from idempotency_keys where created_at < now() - interval '1 day' limit ${FORGET_AT_ONCE})`;
  return result.count;
}
