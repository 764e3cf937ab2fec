import type { ListPlace } from "@boocode/contracts";
import type { Fragment, Sql } from "./sql.ts";

/** Which page of a list is wanted. */
export interface ListPage {
  limit: number;
  /** The last place of the page before; absent: the first page. */
  before?: ListPlace | undefined;
}

/** The time of a place, for comparisons with an index. */
export const timeOf = (sql: Sql, { micros }: ListPlace) =>
  sql`(timestamptz 'epoch' + ${micros}::float8 * interval '1 microsecond')`;

/** The place of a row, as clients send it back: its time to the microsecond, and its id. */
export const placeOf = (sql: Sql, time: Fragment, id: Fragment) =>
  sql`(extract(epoch from ${time}) * 1000000)::bigint || '.' || ${id}`;

/** @param rows in the order of the pages, one more than the limit when there is another page */
export function toPage<T extends { place: string }>(
  rows: readonly T[],
  limit: number,
): { rows: Omit<T, "place">[]; has_more: boolean; next_before: string | null } {
  const page = rows.slice(0, limit);
  const has_more = rows.length > limit;
  return {
    rows: page.map(({ place: _, ...row }) => row),
    has_more,
    next_before: has_more ? (page.at(-1)?.place ?? null) : null,
  };
}
