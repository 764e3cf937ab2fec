import type { SessionList, SessionSummary } from "@boocode/contracts";
import { projectIdsOf, readableProject, readableSession } from "./access.ts";
import { type ListPage, placeOf, timeOf, toPage } from "./pages.ts";
import { type Sql, summaryColumns } from "./sql.ts";

/** Lists a page of the sessions of all projects that the user may read, those that were used last first. */
export async function listAllSessions(sql: Sql, userId: string, { limit, before }: ListPage): Promise<SessionList> {
  const after = before
    ? sql`and s.updated_at <= ${timeOf(sql, before)} and (s.updated_at < ${timeOf(sql, before)} or s.id > ${before.id})`
    : sql``;
  const found = await sql<(SessionSummary & { place: string })[]>`
    with page as materialized (
      select s.* from projects p cross join lateral (
        select s.* from sessions s where s.project_id = p.id and s.deleted_at is null ${after}
        order by s.updated_at desc, s.id limit ${limit + 1}) s
      where p.id in (${projectIdsOf(sql, userId)}) and ${readableProject(sql, userId)}
      order by s.updated_at desc, s.id limit ${limit + 1}
    )
    select ${summaryColumns(sql)}, ${placeOf(sql, sql`s.updated_at`, sql`s.id`)} as place from page s
    where ${readableSession(sql, userId)} order by s.updated_at desc, s.id`;
  const { rows, ...end } = toPage(found, limit);
  return { sessions: rows, ...end };
}
