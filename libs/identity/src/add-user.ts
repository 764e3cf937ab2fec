import { randomBytes, randomUUID } from "node:crypto";
import type { Role, Scope, User } from "@boocode/contracts";
import * as store from "@boocode/store";
import { slugOf } from "./slug-of.ts";
import { hashSecret, makeToken } from "./tokens.ts";

interface NewUser {
  name: string;
  role?: Role | undefined;
  /** By default made from the name, which must be an administrator's choice: it decides which folder is the user's. */
  slug?: string | undefined;
}

/** What a token is called, permits and when it expires; by default `read` and `ask`, for ever. */
interface NewToken {
  name?: string | undefined;
  scopes?: Scope[] | undefined;
  expiresAt?: Date | null | undefined;
}

/**
 * Creates a token for the user of this name, and the user if there is none, for the operator. Only this call can return the
 * token.
 * @throws unique_violation (23505) when the slug is taken, or when another process creates the user at the same time
 */
export async function addUser(
  pool: store.Pool,
  name: string,
  { token: { name: tokenName, scopes, expiresAt } = {}, ...user }: Omit<NewUser, "name"> & { token?: NewToken } = {},
): Promise<{ userId: string; token: string; isNew: boolean }> {
  const token = makeToken();
  return await pool.begin(async (sql) => {
    const known = await store.findUserByName(sql, name);
    const userId = known?.id ?? (await insertUser(sql, "operator", { name, ...user }));
    const tokenHash = hashSecret(token);
    const created = await store.createToken(sql, {
      id: randomUUID(),
      userId,
      tokenHash,
      name: tokenName,
      scopes,
      expiresAt,
    });
    const detail = { token: created.id, scopes: created.scopes, expires_at: created.expires_at };
    await store.recordAudit(sql, { event: "token.created", actor: "operator", userId, detail });
    return { userId, token, isNew: !known };
  });
}

/** Creates a user without a token, for an administrator. */
export async function createNamedUser(
  pool: store.Pool,
  actor: store.Actor,
  user: NewUser,
): Promise<User | "name_taken" | "slug_taken" | "no_administrator"> {
  try {
    return await pool.begin(async (sql) => {
      if (!(await store.lockAdministrators(sql, actor))) return "no_administrator";
      const id = await insertUser(sql, actor, user);
      const created = await store.findUser(sql, id);
      if (!created) throw new Error("a user that was created is not there");
      return created;
    });
  } catch (error) {
    const { constraint_name } = error as { constraint_name?: string };
    if (constraint_name === "users_name_key") return "name_taken";
    if (constraint_name === "users_slug_key") return "slug_taken";
    throw error;
  }
}

async function insertUser(sql: store.Sql, actor: store.Actor, { name, role, slug }: NewUser): Promise<string> {
  const user = { id: randomUUID(), name, role, slug: slug ?? (await freeSlug(sql, slugOf(name))) };
  await store.createUser(sql, user);
  const detail = { role: role ?? "user", slug: user.slug };
  await store.recordAudit(sql, { event: "user.created", actor, userId: user.id, detail });
  return user.id;
}

/** The slug with a random end if somebody has or had it. */
async function freeSlug(sql: store.Sql, slug: string): Promise<string> {
  return (await store.isSlugTaken(sql, slug)) ? `${slug}-${randomBytes(4).toString("hex")}` : slug;
}
