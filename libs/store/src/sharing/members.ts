import { MAX_MEMBERS, type Member, type Project, type SetMember } from "@boocode/contracts";
import { demand, lockProject, readableProject, roleInProject } from "../access.ts";
import { raiseUserVersion } from "../accounts/users.ts";
import { recordAudit } from "../audit.ts";
import { type Change, recordChanges } from "../changes.ts";
import { projectColumns } from "../projects.ts";
import { only, type Pool, type Sql } from "../sql.ts";
import { cancelTurnsOfMember, lockMember, TurnAdded } from "./lock-member.ts";

/** Lists the owner of a project and those it is shared with. @returns null when the user may read no such project */
export async function listMembers(sql: Sql, userId: string, projectId: string): Promise<Member[] | null> {
  const members = await sql<Member[]>`
    select u.id, u.name, m.role, m.added_at
    from projects p
    cross join lateral (
      select p.owner_id as user_id, 'owner' as role, p.added_at
      union all select pm.user_id, pm.role, pm.added_at from project_members pm where pm.project_id = p.id
    ) m
    join users u on u.id = m.user_id
    where p.id = ${projectId} and ${readableProject(sql, userId)} and (u.deleted_at is null or m.role = 'owner')
    order by (m.role = 'owner') desc, u.name`;
  return members.length > 0 ? [...members] : null;
}

/** Who changes the members, for the audit log as well. */
interface Caller {
  userId: string;
  tokenId: string | null;
}

export type SetMemberOutcome =
  | { kind: "set"; member: Member; changes: Change[] }
  /** The same for an unknown, a disabled and a deleted user, and for the owner. */
  | { kind: "no_such_user" }
  | { kind: "too_many_members" };

/**
 * Shares a project with a user, or changes the user's role. The live turns of a member who becomes a reader are cancelled.
 * @returns null when the caller may read no such project
 * @throws Forbidden
 */
export async function setMember(
  pool: Pool,
  caller: Caller,
  projectId: string,
  { name, role }: SetMember,
): Promise<SetMemberOutcome | null> {
  const { userId } = caller;
  return await untilLocked(pool, async (sql) => {
    const callerRole = await findRole(sql, userId, projectId);
    if (!callerRole) return null;
    demand(callerRole, "change project", true);
    const [user] = await sql<{ id: string }[]>`
      select u.id from users u where u.name = ${name} and u.disabled_at is null and u.deleted_at is null`;
    if (!user || user.id === userId) return { kind: "no_such_user" };
    const before = await lockMember(sql, projectId, user.id);
    const cancelled = before?.role === "member" && role === "reader" ? await cancelTurnsOfMember(sql, before) : [];
    if (!(await lockProject(sql, userId, projectId))) return null;
    if (!before && (await countMembers(sql, projectId)) >= MAX_MEMBERS) return { kind: "too_many_members" };
    const [member] = before
      ? await sql<Member[]>`
          update project_members set role = ${role} where project_id = ${projectId} and user_id = ${user.id}
          returning user_id as id, ${name} as name, role, added_at`
      : await sql<Member[]>`
          insert into project_members (project_id, user_id, role) values (${projectId}, ${user.id}, ${role})
          on conflict do nothing returning user_id as id, ${name} as name, role, added_at`;
    if (!member) throw new TurnAdded();
    if (before?.role === role) return { kind: "set", member, changes: [] };
    await recordAudit(sql, { event: "project.shared", actor: caller, userId: user.id, projectId, detail: { role } });
    const seen = only(
      await sql<Project[]>`select ${projectColumns(sql, user.id)} from projects p where p.id = ${projectId}`,
    );
    const type = before ? ("project_updated" as const) : ("project_created" as const);
    const listed = await recordChanges(sql, { userId: user.id }, [{ kind: "list", frame: { type, project: seen } }]);
    return { kind: "set", member, changes: [...cancelled, ...listed] };
  });
}

/** More changes of a project than anyone receives in the two seconds after losing access to it. */
const LATE_CHANGES = 10_000;

/**
 * Ends a member's access and cancels the member's live turns. The owner may remove anyone, and everyone may leave.
 * @returns null when the caller may read no such project, or it is not shared with this user
 * @throws Forbidden
 */
export async function removeMember(
  pool: Pool,
  caller: Caller,
  projectId: string,
  memberId: string,
): Promise<{ changes: Change[] } | null> {
  const { userId } = caller;
  return await untilLocked(pool, async (sql) => {
    const callerRole = await findRole(sql, userId, projectId);
    if (!callerRole) return null;
    if (memberId !== userId) demand(callerRole, "change project", true);
    const before = await lockMember(sql, projectId, memberId);
    if (!before) return null;
    const cancelled = await cancelTurnsOfMember(sql, before);
    const project = await lockProject(sql, userId, projectId);
    if (!project) return null;
    // The sum that is the version of the member's lists must not fall, nor be one that the member has reached meanwhile by later changes
    // of the project, which a gateway may pass on until it learns of the removal.
    await raiseUserVersion(sql, memberId, project.version + LATE_CHANGES);
    await sql`delete from project_members where project_id = ${projectId} and user_id = ${memberId}`;
    await recordAudit(sql, { event: "project.unshared", actor: caller, userId: memberId, projectId });
    const frame = { type: "project_deleted" as const, project_id: projectId };
    return { changes: [...cancelled, ...(await recordChanges(sql, { userId: memberId }, [{ kind: "list", frame }]))] };
  });
}

async function findRole(sql: Sql, userId: string, projectId: string): Promise<Member["role"] | null> {
  const [row] = await sql<{ role: Member["role"] }[]>`
    select ${roleInProject(sql, userId)} as role from projects p
    where p.id = ${projectId} and ${readableProject(sql, userId)}`;
  return row?.role ?? null;
}

async function countMembers(sql: Sql, projectId: string): Promise<number> {
  const rows = await sql<{ count: number }[]>`
    select count(*) from project_members where project_id = ${projectId}`;
  return only(rows).count;
}

/** Runs a transaction again for as long as it cannot lock everything in order. */
async function untilLocked<T>(pool: Pool, act: (sql: Sql) => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return (await pool.begin(act)) as T;
    } catch (error) {
      if (!(error instanceof TurnAdded)) throw error;
    }
  }
}
