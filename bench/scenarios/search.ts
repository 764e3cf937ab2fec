import type { Postgres } from "@boocode/runtime";
import { indexTexts, searchTexts } from "@boocode/store";
import type { Lab } from "../lab.ts";
import { median, quantile } from "../report/statistics.ts";
import { fillTexts, type Searcher } from "../scale/fill-texts.ts";
import { measureAlternatives } from "../scale/search-alternatives.ts";
import { withDatabase } from "../with-database.ts";

/*
 * How long does a search take, and what do the words of a text cost? One user has `--levels` messages, and others have as many again.
 * Each query as a page of 20 sessions, in all projects and in one, in the order of a shuffle, alternating.
 */
const ROUNDS = 20;

export async function search(lab: Lab): Promise<void> {
  const { smoke, levels } = lab.options;
  const messages = levels?.[0] ?? (smoke ? 400 : 100_000);
  await withDatabase(async (sql) => {
    const searcher = await fillTexts(sql, messages, 5, 1);
    const others: Searcher[] = [];
    for (let at = 0; at < 10; at++) others.push(await fillTexts(sql, messages / 10, 2, at + 2));
    await sql`vacuum analyze`;
    const written = await indexAll(sql);
    await sql`vacuum analyze`;
    await sql`checkpoint`;
    const [size] = await sql<{ texts: number; words: number; index: number; count: number }[]>`
      select pg_total_relation_size('messages') as texts, pg_total_relation_size('search_words') as words,
        pg_relation_size('search_words_by_word') as index, (select count(*) from search_words) as count`;
    const kb = (bytes = 0) => Number((bytes / (size?.count ?? 1) / 1024).toFixed(2));
    lab.record("search", { ...written, ...size });
    lab.table(`search: what the words of a text cost, ${size?.count} texts`, [
      {
        "ms to write": Number(written.ms.toFixed(2)),
        "of it in Node": Number(written.nodeMs.toFixed(2)),
        "WAL KB": Number(written.walKb.toFixed(2)),
        "KB of messages and their indexes": kb(size?.texts),
        "KB of words and indexes": kb(size?.words),
        "KB of the index by word": kb(size?.index),
      },
    ]);

    const rows: Record<string, string | number>[] = [];
    const times = new Map<string, { all: number[]; one: number[]; sessions: number; pages: number }>();
    const queries = await chooseQueries(sql, searcher);
    for (let round = 0; round < (smoke ? 1 : ROUNDS); round++) {
      for (const [kind, query] of Object.entries(queries)) {
        const time = times.get(kind) ?? { all: [], one: [], sessions: 0, pages: 0 };
        times.set(kind, time);
        for (const projectId of [undefined, searcher.projectIds[round % 5]]) {
          const start = performance.now();
          const page = await searchTexts(sql, { userId: searcher.userId, projectId, query, limit: 20 });
          (projectId === undefined ? time.all : time.one).push(performance.now() - start);
          if (projectId === undefined) [time.sessions, time.pages] = [page.sessions.length, page.has_more ? 2 : 1];
        }
      }
    }
    for (const [kind, { all, one, sessions, pages }] of times) {
      const ms = (values: number[], part: number) => Number(quantile(values, part).toFixed(1));
      rows.push({
        kind,
        query: queries[kind] ?? "",
        "sessions of the page": sessions + (pages > 1 ? " and more" : ""),
        "all projects, p50 ms": ms(all, 0.5),
        "p95 ms": ms(all, 0.95),
        "one project, p50 ms": Number(median(one).toFixed(1)),
        "one, p95 ms": ms(one, 0.95),
      });
    }
    const some = ["common", "rare", "absent", "part of it", "path", "Chinese", "one character"];
    const chosen = Object.fromEntries(some.map((kind) => [kind, queries[kind] ?? ""]));
    lab.table(
      "search: indexes on the texts themselves, ms and messages found",
      await measureAlternatives(sql, searcher.userId, chosen),
    );
    for (const row of rows) lab.record("search", row);
    lab.table(`search: ${messages} messages of the user, as many of others`, rows);
  });
}

/** Writes the words of all texts, as workers do. @returns what each took */
async function indexAll(sql: Postgres): Promise<{ ms: number; nodeMs: number; walKb: number }> {
  const lsn = async () => (await sql<{ at: string }[]>`select pg_current_wal_insert_lsn()::text as at`)[0]?.at ?? "";
  const [before, start, cpu] = [await lsn(), performance.now(), process.cpuUsage()];
  let count = 0;
  for (let isMore = true; isMore; ) {
    const done = await indexTexts(sql);
    count += done?.texts ?? 0;
    isMore = done?.isMore ?? false;
  }
  const { user, system } = process.cpuUsage(cpu);
  const ms = performance.now() - start;
  const [wal] = await sql<{ bytes: number }[]>`
    select pg_wal_lsn_diff(${await lsn()}::pg_lsn, ${before}::pg_lsn)::float8 as bytes`;
  return { ms: ms / count, nodeMs: (user + system) / 1000 / count, walKb: (wal?.bytes ?? 0) / 1024 / count };
}

async function chooseQueries(sql: Postgres, { userId }: Searcher): Promise<Record<string, string>> {
  const [some] = await sql<{ content: string }[]>`
    select content from messages where owner_id = ${userId} order by created_at offset 50 limit 1`;
  const [, handle = "", path = ""] = / (handle\w+) (\S+)/.exec(some?.content ?? "") ?? [];
  return {
    common: "w1",
    "common, two words": "w1 w2",
    rare: "wf5e",
    "rare and common": "wf5e w1",
    absent: "absent",
    "identifier, the oldest": handle,
    "part of it": handle.slice("handle".length),
    path,
    "part of a path": path.split("/").slice(0, 2).join("/"),
    "one character": "w",
    "one character, absent": "q",
    Chinese: "全文検索",
    "one Chinese character": "検",
    // Attacks: what has the words, but not the term; many prefixes that nearly everything has.
    "words, but not the term": "w1/w2",
    "ten prefixes": "w1 w2 w3 w4 w5 w w7 h s src/part",
  };
}
