import { randomBytes } from "node:crypto";
import { connectPostgres, type Postgres, targetOf, untilPostgresReady } from "../postgres/connect-postgres.ts";
import { findExcessRights } from "../postgres/excess-rights.ts";
import { grantRights } from "./grant-rights.ts";
import { scramVerifier } from "./scram-verifier.ts";

/** How long the services' address may take to answer. */
const LOGIN_MS = 5_000;
/** Roles belong to the whole server, and the lock of migrations only to one database: another may change the role meanwhile. */
const CHANGED_MEANWHILE = new Set(["42710", "23505", "XX000"]);
const ATTEMPTS = 5;

/**
 * Lets the role of the services' URL read and write the rows of our tables, and nothing else. Creates the role if it is missing,
 * and gives a role that it created here the password of the URL.
 * @param owner a pool of one connection, whose role owns the tables
 * @param options see `grantRights`
 * @throws an error that says what an administrator must do
 */
export async function admitServices(
  owner: Postgres,
  url: string,
  options: { folder: string; functions?: string | undefined; lock: number; log(line: string): void },
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await admit(owner, url, options);
    } catch (error) {
      const code = (error as { code?: string }).code ?? "";
      if (!CHANGED_MEANWHILE.has(code) || attempt === ATTEMPTS) throw error;
    }
  }
}

async function admit(owner: Postgres, url: string, options: Parameters<typeof admitServices>[2]): Promise<void> {
  // Before the login: a role that another migration makes meanwhile is not one with another password.
  const known = await findRole(owner, targetOf(url).user ?? "");
  const login = await logIn(url);
  const [here] = (await owner.unsafe(PLACE)) as unknown as [Place];
  if ("place" in login && (login.place.database !== here.database || login.place.server !== here.server))
    throw new Error("DATABASE_URL and MIGRATION_DATABASE_URL lead to different databases");
  if ("error" in login) await prepareRole(owner, known, { url, error: login.error, log: options.log });
  // A provider's pooler may take a user such as `role.project`, so that only a login tells the name of the role.
  const role = "place" in login ? login.place.role : known.role;
  if (!(await grantRights(owner, role, options)))
    return options.log(`The role ${role} of DATABASE_URL has the rights of the tables' owner, and keeps them.`);
  for (const right of await findExcessRights(owner, role))
    options.log(`The role ${role} of DATABASE_URL ${right}, which this migration could not take from it.`);
}

interface Place {
  role: string;
  database: string;
  /** Tells one server from another. */
  server: string;
}
const PLACE = `select current_user::text as role, current_database()::text as database,
  pg_postmaster_start_time()::text as server`;

async function logIn(url: string): Promise<{ place: Place } | { error: unknown }> {
  const pool = connectPostgres(url, { name: "migrate", connections: 1 });
  try {
    await untilPostgresReady(pool, LOGIN_MS);
    const [place] = (await pool.unsafe(PLACE)) as unknown as [Place];
    return { place };
  } catch (error) {
    return { error };
  } finally {
    await pool.end({ timeout: 2 });
  }
}

interface KnownRole {
  role: string;
  /** For a statement. */
  quoted: string;
  exists: boolean;
  /** Whether a migration of this database and schema made it, of which its comment is the mark. */
  is_ours: boolean;
  mark: string;
}

async function findRole(owner: Postgres, role: string): Promise<KnownRole> {
  const [row] = await owner<[KnownRole]>`
    select wanted as role, format('%I', wanted) as quoted, r.oid is not null as exists, mark,
      coalesce(shobj_description(r.oid, 'pg_authid') = mark, false) as is_ours
    from (values (${role}::text, format('Services of BooCode in the database %I, schema %I', current_database(),
      current_schema()))) as asked (wanted, mark) left join pg_roles r on rolname = wanted`;
  return row;
}

/** After a failed login: creates the role, or gives it the password, or says why not. */
async function prepareRole(
  owner: Postgres,
  { role, quoted, exists, is_ours, mark }: KnownRole,
  { url, error, log }: { url: string; error: unknown; log(line: string): void },
): Promise<void> {
  const { code, message } = error as { code?: unknown; message: string };
  // For example a pooler that is not reachable from here.
  if (exists && !String(code).startsWith("28"))
    return log(`DATABASE_URL does not answer from here (${message}); its role ${role} exists.`);
  const { password } = targetOf(url);
  if (!role || !password) throw new Error(`DATABASE_URL has no user or no password, and its login fails: ${message}`);
  const verb = exists ? "alter" : "create";
  const byHand = `let an administrator run  ${verb} role ${quoted} login password '…'  with the password of DATABASE_URL, then migrate again`;
  if (exists && !is_ours)
    throw new Error(
      `the role ${role} exists with another password than that of DATABASE_URL, and was not made for this database and schema: give DATABASE_URL its password or another user, or ${byHand}`,
    );
  const verifier = scramVerifier(password, randomBytes(16));
  try {
    // Several statements in one query are one transaction.
    await owner.unsafe(`
      ${verb} role ${quoted} login password '${verifier}';
      comment on role ${quoted} is '${mark.replaceAll("'", "''")}'`);
  } catch (cause) {
    if (CHANGED_MEANWHILE.has((cause as { code?: string }).code ?? "")) throw cause;
    throw new Error(`cannot ${verb} the role ${role} of DATABASE_URL (${(cause as Error).message}): ${byHand}`, {
      cause,
    });
  }
  log(exists ? `The role ${role} has a new password.` : `Created the role ${role}.`);
}
