import type { ListedProject, ProjectList } from "@boocode/contracts";
import { projectIdsOf, readableProject } from "../access.ts";
import { type ListPage, placeOf, timeOf, toPage } from "../pages.ts";
import { projectColumns } from "../projects.ts";
import type { Pool } from "../sql.ts";
import { excerptOf, findTerms, readQuery } from "./match-text.ts";

/** Names that one search looks at; a later page goes on. */
const NAMES_PER_SEARCH = 5_000;

/** Finds projects by their names: a page in the order of `listProjects`. It may have fewer than the limit although there are more. */
export async function searchProjects(
  pool: Pool,
  userId: string,
  { query, limit, before }: ListPage & { query: string },
): Promise<ProjectList> {
  const wanted = readQuery(query);
  const older = before ? pool`and (p.added_at, p.id) < (${timeOf(pool, before)}, ${before.id}::uuid)` : pool``;
  const names = await pool<{ id: string; name: string; place: string }[]>`
    select p.id, p.name, ${placeOf(pool, pool`p.added_at`, pool`p.id`)} as place from projects p
    where p.id in (${projectIdsOf(pool, userId)}) and ${readableProject(pool, userId)} ${older}
    order by p.added_at desc, p.id desc limit ${NAMES_PER_SEARCH}`;
  const found = names.flatMap((project) => {
    const ranges = findTerms(project.name, wanted);
    return ranges ? [{ ...project, match: excerptOf(project.name, ranges) }] : [];
  });
  const { rows, ...end } = toPage(found, limit);
  const projects = await pool<ListedProject[]>`
    select ${projectColumns(pool, userId)} from projects p
    where p.id = any(${rows.map(({ id }) => id)}::uuid[]) and ${readableProject(pool, userId)}`;
  const matches = new Map(rows.map(({ id, match }) => [id, match]));
  const inOrder = [...matches.keys()].reverse().flatMap((id) => projects.find((project) => project.id === id) ?? []);
  const next = end.has_more || names.length < NAMES_PER_SEARCH ? end.next_before : (names.at(-1)?.place ?? null);
  return {
    projects: inOrder.map((project) => ({ ...project, match: matches.get(project.id) })),
    has_more: next !== null,
    next_before: next,
  };
}
