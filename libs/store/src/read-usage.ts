import type { UsageDimension, UsageGroup } from "@boocode/contracts";
import { usageOf } from "./access.ts";
import type { Sql } from "./sql.ts";

export interface UsageRange {
  by: readonly UsageDimension[];
  /** The first and the last day, as YYYY-MM-DD in UTC. */
  from: string;
  to: string;
  /** The most groups. */
  limit: number;
}

/** Adds up the usage of one user, also of what was deleted since. */
export async function readUsage(sql: Sql, userId: string, range: UsageRange): Promise<UsageGroup[]> {
  return await readGroups(sql, range, usageOf(sql, userId));
}

/** Adds up the usage of all users. Only for administrators. */
export async function readUsageOfUsers(sql: Sql, range: UsageRange): Promise<UsageGroup[]> {
  return await readGroups(sql, range, sql`true`);
}

type Fragment = ReturnType<typeof usageOf>;

const COLUMNS = { day: "day", user: "user_id", model: "model", project: "project_id" } as const;

async function readGroups(sql: Sql, { by, from, to, limit }: UsageRange, whose: Fragment): Promise<UsageGroup[]> {
  const wanted = new Set(by);
  const listed = (of: (column: Fragment) => Fragment) =>
    [...wanted].map((dimension) => of(sql`${sql(COLUMNS[dimension])}`)).reduce((all, one) => sql`${all}, ${one}`);
  const when = (dimension: UsageDimension, fragment: Fragment) => (wanted.has(dimension) ? fragment : sql``);
  const rows = sql`day between ${from}::date and ${to}::date and ${whose}`;
  const order = sql`${when("day", sql`day desc,`)} tokens desc, ${listed((column) => column)}`;
  // Ranked by one sum first: all the sums of each of a million groups take longer than a statement may. An index has the rows by
  // day, so that a list by day and more reads only the newest. Days, users and models alone are few, and not worth a second pass.
  const ranked = wanted.size > 1 || wanted.has("project") ? sql`join top using (${listed((column) => column)})` : sql``;
  // Kinds before filters, which are costly for many rows.
  return await sql<UsageGroup[]>`
    with top as (
      select ${listed((column) => column)}, sum(prompt_tokens + answer_tokens) as tokens
      from usage u where ${rows} group by ${listed((column) => column)} order by ${order} limit ${limit}
    ), part as (
      select kind, ${listed((column) => column)} ${when("project", sql`, max(project_name) as project_name`)},
        sum(calls) as calls, sum(prompt_tokens) as prompt_tokens, sum(cached_tokens) as cached_tokens,
        sum(answer_tokens) as answer_tokens, sum(reasoning_tokens) as reasoning_tokens, sum(estimated_tokens) as estimated_tokens
      from usage u ${ranked} where ${rows}
      group by kind, ${listed((column) => column)}
    ), groups as (
      select ${listed((column) => column)} ${when("project", sql`, max(project_name) as project_name`)},
        ${counts(sql, sql``)} as total, ${counts(sql, sql`filter (where kind = 'broken')`)} as broken,
        ${counts(sql, sql`filter (where kind = 'naming')`)} as naming, sum(prompt_tokens + answer_tokens) as tokens
      from part group by ${listed((column) => column)}
    )
    select ${when("day", sql`to_char(day, 'YYYY-MM-DD') as day,`)}
      ${when("user", sql`user_id, (select name from users where id = user_id) as user_name,`)} ${when("model", sql`model,`)}
      ${when("project", sql`project_id, coalesce((select name from projects where id = project_id), project_name) as project_name,`)}
      total, broken, naming
    from groups order by ${when("day", sql`groups.day desc,`)} tokens desc, ${listed((column) => sql`groups.${column}`)}`;
}

/** The sums of a part of the rows as a `UsageCounts`. */
const counts = (sql: Sql, which: Fragment) => sql`jsonb_build_object(
  'calls', coalesce(sum(calls) ${which}, 0), 'prompt_tokens', coalesce(sum(prompt_tokens) ${which}, 0),
  'cached_tokens', coalesce(sum(cached_tokens) ${which}, 0), 'answer_tokens', coalesce(sum(answer_tokens) ${which}, 0),
  'reasoning_tokens', coalesce(sum(reasoning_tokens) ${which}, 0),
  'estimated_tokens', coalesce(sum(estimated_tokens) ${which}, 0))`;
