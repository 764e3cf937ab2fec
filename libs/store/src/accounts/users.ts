import type { Role, User, UserList } from "@boocode/contracts";
import type { Sql } from "../sql.ts";

interface NewUser {
  id: string;
  name: string;
  /** Names the user's folder; by default a part of the id, which nobody can choose. */
  slug?: string;
  role?: Role;
}

/** @throws unique_violation (23505) when the name or the slug is taken */
export async function createUser(sql: Sql, { id, name, slug = slugOfId(id), role = "user" }: NewUser): Promise<void> {
  await sql`insert into users (id, name, slug, role) values (${id}, ${name}, ${slug}, ${role})`;
}

const slugOfId = (id: string) => `u-${id.replaceAll("-", "").slice(-16)}`;

/** Whether a user has the slug, or had it: the row of a deleted user keeps it. */
export async function isSlugTaken(sql: Sql, slug: string): Promise<boolean> {
  return (await sql`select from users where slug = ${slug}`).length > 0;
}

const columns = (sql: Sql) => sql`u.id, u.name, u.slug, u.role, u.created_at, u.disabled_at, u.limits`;

export async function findUserByName(sql: Sql, name: string): Promise<User | null> {
  const [user] = await sql<User[]>`select ${columns(sql)} from users u where u.name = ${name} and u.deleted_at is null`;
  return user ?? null;
}

export async function findUser(sql: Sql, id: string): Promise<User | null> {
  const [user] = await sql<User[]>`select ${columns(sql)} from users u where u.id = ${id} and u.deleted_at is null`;
  return user ?? null;
}

/** Lists users by name, for administrators. */
export async function listUsers(sql: Sql, page: { after?: string | undefined; limit: number }): Promise<UserList> {
  // One more than asked for, which shows whether there is another page.
  const rows = await sql<User[]>`
    select ${columns(sql)} from users u
    where u.deleted_at is null ${page.after === undefined ? sql`` : sql`and u.name > ${page.after}`}
    order by u.name limit ${page.limit + 1}`;
  const users = rows.slice(0, page.limit);
  return {
    users,
    has_more: rows.length > page.limit,
    next: rows.length > page.limit ? (users.at(-1)?.name ?? null) : null,
  };
}

/** Raises the user's part of the version of the user's lists. @returns the new version */
export async function raiseUserVersion(sql: Sql, userId: string, by = 1): Promise<number> {
  const [row] = await sql<[{ version: number }]>`
    update users set version = version + ${by}::bigint where id = ${userId} returning version`;
  return row.version;
}
