import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Postgres } from "../postgres/connect-postgres.ts";
import { namesOfFunctions } from "./create-functions.ts";

/** What the services may do with single tables and functions, where it differs from all others. In it, `:"services"` stands for their role, as in psql. */
const EXCEPTIONS = "exceptions.sql";

/**
 * Gives a role the rights of the services, exactly, on the tables of the current schema that the connected role owns, whichever
 * migration made them, and on those that it will make. All or nothing.
 * @param options `folder`: that of the migrations; `functions`: that of the functions that the services call; `lock`: key of the advisory lock that all migrations of a database take
 * @returns false, and changes nothing, when the role has the rights of an owner of these tables
 */
export async function grantRights(
  owner: Postgres,
  role: string,
  { folder, functions, lock }: { folder: string; functions?: string | undefined; lock: number },
): Promise<boolean> {
  const called = functions === undefined ? [] : await namesOfFunctions(functions);
  return await owner.begin(async (sql) => {
    await sql`select pg_advisory_xact_lock(${lock})`;
    const [names] = await sql<[{ role: string; schema: string; database: string; is_owner: boolean }]>`
      select format('%I', ${role}::text) as role, format('%I', current_schema()) as schema,
        format('%I', current_database()) as database, pg_has_role(${role}::name, current_user, 'member') as is_owner`;
    const relations = await sql<{ name: string; kind: string; is_owner: boolean }[]>`
      select c.oid::regclass::text as name, relkind::text as kind, pg_has_role(${role}::name, relowner, 'member') as is_owner
      from pg_class c where relnamespace = to_regnamespace(${names.schema}) and relkind in ('r', 'p', 'v', 'S')
        and pg_has_role(relowner, 'usage')
      order by 1`;
    if (names.is_owner || relations.some((relation) => relation.is_owner)) return false;
    const of = (isSequence: boolean) =>
      relations.filter(({ kind }) => (kind === "S") === isSequence).map(({ name }) => name);
    const [tables, sequences] = [of(false), of(true)];
    if (!tables.includes("schema_migrations"))
      throw new Error("the role of MIGRATION_DATABASE_URL does not own the tables: use the role that created them");
    const callable = await sql<{ name: string }[]>`
      select oid::regprocedure::text as name from pg_proc
      where pronamespace = to_regnamespace(${names.schema}) and proname = any(${called}) order by 1`;
    const { schema, database } = names;
    // An owner of neither the schema nor the database gets only warnings for these.
    await sql.unsafe(`
      revoke create on schema ${schema} from public;
      revoke temporary on database ${database} from public;
      grant connect on database ${database} to ${names.role};
      grant usage on schema ${schema} to ${names.role};
      revoke all on ${tables} from ${names.role};
      grant select, insert, update, delete on ${tables} to ${names.role};
      revoke insert, update, delete on schema_migrations from ${names.role};
      ${
        sequences.length > 0
          ? `revoke all on sequence ${sequences} from ${names.role};
      grant usage on sequence ${sequences} to ${names.role};`
          : ""
      }
      ${callable.map(({ name }) => `grant execute on function ${name} to ${names.role};`).join("\n")}
      alter default privileges in schema ${schema} grant select, insert, update, delete on tables to ${names.role};
      alter default privileges in schema ${schema} grant usage on sequences to ${names.role}`);
    const exceptions = await readFile(join(folder, EXCEPTIONS), "utf8");
    await sql.unsafe(exceptions.replaceAll(':"services"', names.role));
    return true;
  });
}
