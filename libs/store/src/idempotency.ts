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
