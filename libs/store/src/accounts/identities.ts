import type { LimitChange, Role } from "@boocode/contracts";
import { recordAudit } from "../audit.ts";
import type { Pool } from "../sql.ts";
import { createUser } from "./users.ts";

/** Who somebody is at an identity provider. An e-mail address is none: providers give it to somebody else later. */
export interface Identity {
  issuer: string;
  subject: string;
}

export interface IdentifiedUser {
  id: string;
  name: string;
  role: Role;
  limits: LimitChange | null;
  /** Neither disabled nor deleted. */
  isEnabled: boolean;
}

/**
 * Finds the user of an identity, and gives the user the role that the provider states.
 * @param role null: the provider states none
 * @returns null when no user has the identity
 */
export async function findUserByIdentity(
  pool: Pool,
  { issuer, subject }: Identity,
  role: Role | null,
): Promise<IdentifiedUser | null> {
  const [user] = await pool<IdentifiedUser[]>`
    select u.id, u.name, u.role, u.limits, u.disabled_at is null and u.deleted_at is null as "isEnabled"
    from user_identities i join users u on u.id = i.user_id where i.issuer = ${issuer} and i.subject = ${subject}`;
  if (!user) return null;
  if (role === null || role === user.role || !user.isEnabled) return user;
  await pool.begin(async (sql) => {
    const changed = await sql`update users set role = ${role} where id = ${user.id} and role <> ${role} returning id`;
    if (changed.length === 0) return;
    await recordAudit(sql, { event: "user.role_changed", actor: "service", userId: user.id, detail: { role, issuer } });
  });
  return { ...user, role };
}

/** @returns false when the name is taken, or another request created a user for this identity: then look for it again */
export async function createUserForIdentity(
  pool: Pool,
  user: { id: string; name: string; role: Role },
  { issuer, subject }: Identity,
): Promise<boolean> {
  try {
    await pool.begin(async (sql) => {
      await createUser(sql, user);
      await sql`insert into user_identities (issuer, subject, user_id) values (${issuer}, ${subject}, ${user.id})`;
      const detail = { role: user.role, issuer };
      await recordAudit(sql, { event: "user.created", actor: "service", userId: user.id, detail });
    });
    return true;
  } catch (error) {
    const { code, constraint_name } = error as { code?: string; constraint_name?: string };
    if (code !== "23505") throw error;
    // The identity exists now, created by a concurrent request.
    return constraint_name === "user_identities_pkey";
  }
}

/** Gives a user an identity, for the operator. @returns false when a user has it */
export async function linkIdentity(pool: Pool, userId: string, { issuer, subject }: Identity): Promise<boolean> {
  return await pool.begin(async (sql) => {
    const linked = await sql`
      insert into user_identities (issuer, subject, user_id) values (${issuer}, ${subject}, ${userId})
      on conflict do nothing returning user_id`;
    if (linked.length === 0) return false;
    await recordAudit(sql, { event: "user.linked", actor: "operator", userId, detail: { issuer } });
    return true;
  });
}
