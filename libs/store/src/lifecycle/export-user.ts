import {
  ownedBy,
  readableMessage,
  readableProject,
  readableSession,
  readableTurn,
  sharedBy,
  usageOf,
} from "../access.ts";
import type { Pool, Sql } from "../sql.ts";

type Fragment = ReturnType<typeof readableProject>;

/** Rows of a user, which are read in pages by a key. */
interface Source {
  /** A `from` clause with a condition on the user. */
  from: Fragment;
  /** The alias of the rows in `from`. */
  row: Fragment;
  /** Increases with each row. An index finds it for a user, and few rows share a value. */
  key: Fragment;
  keyType: Fragment;
  lines: Line[];
  /** The bytes of a row's lines, when there are other lines than the row's own. */
  bytes?: Fragment;
}

/** A kind of line. The rows of `page` are those of a page of the source. */
interface Line {
  type: string;
  join?: Fragment;
  data: Fragment;
}

/** How many bytes are read at once, apart from one turn's, and how many rows. */
const PAGE_BYTES = 1_000_000;
const PAGE_ROWS = 200;

/**
 * What is stored about a user; a table needs one entry here. Left out is what does not exist for the user, who deleted it or may
 * no longer read it, what other users asked, secrets, and the state of workers.
 */
function sources(sql: Sql, userId: string): Source[] {
  const [uuid, text, time] = [sql`uuid`, sql`text`, sql`timestamptz`];
  const rows = (
    type: string,
    source: Pick<Source, "from" | "row" | "key" | "keyType"> & { hidden?: string[] },
  ): Source => ({ ...source, lines: [{ type, data: pageRow(sql, source.hidden) }] });
  return [
    rows("user", {
      ...{ from: sql`users u where u.id = ${userId}`, row: sql`u`, key: sql`u.id`, keyType: uuid },
      hidden: ["version"],
    }),
    rows("token", {
      ...{ from: sql`api_tokens t where t.user_id = ${userId}`, row: sql`t`, key: sql`t.id`, keyType: uuid },
      hidden: ["token_hash"],
    }),
    rows("idempotency_key", {
      ...{ from: sql`idempotency_keys k where k.user_id = ${userId}`, row: sql`k`, key: sql`k.key`, keyType: text },
      hidden: ["request_hash"],
    }),
    rows("project", {
      from: sql`projects p where ${ownedBy(sql, sql`p`, userId)} and ${readableProject(sql, userId)}`,
      ...{ row: sql`p`, key: sql`p.added_at`, keyType: time },
    }),
    rows("identity", {
      ...{ from: sql`user_identities i where i.user_id = ${userId}`, row: sql`i`, key: sql`i.issuer`, keyType: text },
    }),
    rows("grant", {
      ...{ from: sql`grants g where g.user_id = ${userId}`, row: sql`g`, key: sql`g.id`, keyType: uuid },
      hidden: ["granted_by"],
    }),
    rows("membership", {
      ...{
        from: sql`project_members pm where pm.user_id = ${userId}`,
        row: sql`pm`,
        key: sql`pm.project_id`,
        keyType: uuid,
      },
    }),
    rows("share", {
      ...{ from: sql`shares h where ${sharedBy(sql, userId)}`, row: sql`h`, key: sql`h.id`, keyType: uuid },
      hidden: ["token_hash"],
    }),
    // The rows of a day have one key.
    rows("usage", {
      ...{ from: sql`usage u where ${usageOf(sql, userId)}`, row: sql`u`, key: sql`u.day`, keyType: sql`date` },
    }),
    rows("audit_event", {
      ...{ from: sql`audit_events a where a.user_id = ${userId}`, row: sql`a`, key: sql`a.id`, keyType: sql`bigint` },
      // Who else acted, and from where, is not the user's.
      hidden: ["actor_id", "token_id", "address"],
    }),
    rows("session", {
      from: sql`sessions s where ${ownedBy(sql, sql`s`, userId)} and ${readableSession(sql, userId)}`,
      ...{ row: sql`s`, key: sql`s.created_at`, keyType: time },
    }),
    {
      from: sql`turns t where ${ownedBy(sql, sql`t`, userId)} and ${readableTurn(sql, userId)}`,
      ...{ row: sql`t`, key: sql`t.created_at`, keyType: time },
      lines: [
        { type: "turn", data: pageRow(sql, ["nonce", "worker_id", "lease_until", "due_at"]) },
        {
          type: "message",
          join: sql`
            join messages m on m.turn_id = page.id and m.owner_id = page.owner_id and ${readableMessage(sql, userId)}`,
          data: sql`to_jsonb(m.*)`,
        },
      ],
      bytes: sql`(select sum(octet_length(to_jsonb(m.*)::text)) from messages m where m.turn_id = t.id)`,
    },
  ];
}

const pageRow = (sql: Sql, hidden: string[] = []) => sql`to_jsonb(page.*) - ${["export_key", ...hidden]}::text[]`;

/**
 * Reads everything that is stored about a user: lines of JSON, each `{"type": …, "data": {the row}}`, and a last one of the type
 * `end`, without which the export is not complete. No transaction is open between two pages, so that a slow reader holds nothing;
 * each page is consistent by itself, and what changes meanwhile may be in the export or not.
 */
export async function* exportUser(pool: Pool, userId: string): AsyncGenerator<string, void> {
  let lines = 0;
  for (const source of sources(pool, userId)) {
    for await (const page of pages(pool, source)) {
      lines += page.length;
      yield page.map((line) => `${line}\n`).join("");
    }
  }
  yield `${JSON.stringify({ type: "end", data: { lines } })}\n`;
}

async function* pages(sql: Pool, { from, row, key, keyType, lines, bytes }: Source): AsyncGenerator<string[], void> {
  let after: string | null = null;
  for (;;) {
    const rest: Fragment = after === null ? from : sql`${from} and ${key} > ${after}::text::${keyType}`;
    // Whole groups of rows with the same key, so that the next page begins behind them.
    const [end] = await sql<{ key: string }[]>`
      select key::text from (
        select key, sum(bytes) over (order by key) - sum(bytes) over (partition by key) as before from (
          select ${key} as key, octet_length(to_jsonb(${row}.*)::text) + coalesce(${bytes ?? sql`0`}, 0) as bytes
          from ${rest} order by 1 fetch first ${PAGE_ROWS} rows with ties) candidates
      ) measured where before < ${PAGE_BYTES} order by measured.key desc limit 1`;
    if (!end) return;
    for (const { type, join, data } of lines) {
      const found = await sql<{ line: string }[]>`
        with page as materialized (
          select ${row}.*, ${key} as export_key from ${rest} and ${key} <= ${end.key}::text::${keyType})
        select jsonb_build_object('type', ${type}::text, 'data', ${data})::text as line
        from page ${join ?? sql``} order by export_key`;
      if (found.length > 0) yield found.map(({ line }) => line);
    }
    after = end.key;
  }
}
