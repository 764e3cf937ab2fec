import type { ChangeUser, User } from "@boocode/contracts";
import { askedBy, ownedProject } from "../access.ts";
import { type Actor, recordAudit } from "../audit.ts";
import type { Change } from "../changes.ts";
import { only, type Pool, type Sql } from "../sql.ts";
import { cancelRevokedTurns } from "./cancel-revoked.ts";
import { mayAct } from "./credential.ts";
import { revokeTokens } from "./tokens.ts";
import { findUser } from "./users.ts";

/** Why a user was not changed. Nothing was written. */
export type UserRefusal = "no_user" | "no_administrator" | "last_administrator";

interface ChangedUser {
  user: User;
  /** The turns that were cancelled, because the user is disabled. */
  changes: Change[];
}

/** Key of the advisory lock of whoever changes who is an administrator: it is taken before every other lock. */
const LOCK = 7_266_266;

/**
 * Locks the set of administrators, for whoever changes it or acts as one of them.
 * @returns false when the actor was an administrator as the request was authenticated, and is none any more
 */
export async function lockAdministrators(sql: Sql, actor: Actor): Promise<boolean> {
  await sql`select pg_advisory_xact_lock(${LOCK})`;
  return typeof actor === "string" || (await mayAct(sql, actor, "admin"));
}

/**
 * Disables or enables a user, or gives the user another role or other limits. A disabled user keeps everything, and can do nothing; the user's
 * turns are cancelled.
 * @returns `no_administrator` when the actor is none any more; `last_administrator` when no administrator would be left, which
 * only the operator may bring about
 */
export async function changeUser(
  pool: Pool,
  actor: Actor,
  userId: string,
  change: ChangeUser,
): Promise<ChangedUser | UserRefusal> {
  const user = await pool.begin<User | UserRefusal>(async (sql) => {
    const before = await lockUser(sql, actor, userId);
    if (typeof before === "string") return before;
    const role = change.role ?? before.role;
    const isDisabled = change.disabled ?? before.disabled_at !== null;
    if (isLosingAdministrator(before, role === "admin" && !isDisabled) && (await isLast(sql, actor, userId))) {
      return "last_administrator";
    }
    const limits = change.limits === undefined ? before.limits : change.limits;
    await sql`
      update users set role = ${role}, disabled_at = ${isDisabled ? sql`coalesce(disabled_at, now())` : null},
        limits = ${limits && sql.json(limits)}
      where id = ${userId}`;
    if (change.limits !== undefined) {
      await recordAudit(sql, {
        event: "user.limits_changed",
        actor,
        userId,
        detail: Object.fromEntries(Object.entries(limits ?? {})),
      });
    }
    if (role !== before.role) {
      await recordAudit(sql, { event: "user.role_changed", actor, userId, detail: { role } });
    }
    if (isDisabled !== (before.disabled_at !== null)) {
      await recordAudit(sql, { event: isDisabled ? "user.disabled" : "user.enabled", actor, userId });
    }
    return (await findUser(sql, userId)) ?? "no_user";
  });
  if (typeof user === "string") return user;
  return { user, changes: user.disabled_at === null ? [] : await cancelTurnsOf(pool, userId) };
}

/**
 * Marks a user and the user's projects as deleted, ends what was shared with the user, cancels the turns, revokes the tokens and
 * frees the name. The row stays, because nobody may get its slug; the data is purged later.
 */
export async function deleteUser(
  pool: Pool,
  actor: Actor,
  userId: string,
): Promise<{ changes: Change[] } | UserRefusal> {
  const refusal = await pool.begin<UserRefusal | null>(async (sql) => {
    const before = await lockUser(sql, actor, userId);
    if (typeof before === "string") return before;
    if (isLosingAdministrator(before, false) && (await isLast(sql, actor, userId))) return "last_administrator";
    await sql`delete from project_members where user_id = ${userId}`;
    // The new version tells those with whom the projects are shared.
    await sql`
      update projects set deleted_at = now(), version = version + 1
      where id in (select p.id from projects p where ${ownedProject(sql, userId)} order by p.id for no key update)`;
    // No name can begin with a blank, so that nobody has or can take this one.
    await sql`update users set deleted_at = now(), name = ' ' || id where id = ${userId}`;
    await revokeTokens(sql, userId);
    await recordAudit(sql, { event: "user.deleted", actor, userId });
    return null;
  });
  return refusal ?? { changes: await cancelTurnsOf(pool, userId) };
}

/**
 * Cancels the live turns of a user in a transaction of its own, after the user was marked: the lock order has sessions before
 * users. If the process dies in between, the workers do it.
 */
async function cancelTurnsOf(pool: Pool, userId: string): Promise<Change[]> {
  return await pool.begin((sql) => cancelRevokedTurns(sql, sql`${askedBy(sql, userId)}`));
}

async function lockUser(sql: Sql, actor: Actor, userId: string): Promise<User | UserRefusal> {
  if (!(await lockAdministrators(sql, actor))) return "no_administrator";
  return (await findUser(sql, userId)) ?? "no_user";
}

const isLosingAdministrator = (before: User, isAdministratorAfter: boolean) =>
  before.role === "admin" && before.disabled_at === null && !isAdministratorAfter;

/** Whether no enabled administrator would be left without this one. The operator can make another at any time. */
async function isLast(sql: Sql, actor: Actor, userId: string): Promise<boolean> {
  if (actor === "operator") return false;
  const { others } = only(
    await sql<{ others: number }[]>`
      select count(*) as others from users
      where role = 'admin' and disabled_at is null and deleted_at is null and id <> ${userId}`,
  );
  return others === 0;
}
