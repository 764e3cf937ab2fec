import type { Postgres } from "./connect-postgres.ts";

/**
 * What a role may do in this database beyond reading and writing rows, in words that follow "it". Asks Postgres what the role
 * really may do, through its memberships, too: two URLs can name the same rights.
 * @param role default: the one that is connected
 */
export async function findExcessRights(sql: Postgres, role: string | null = null): Promise<string[]> {
  const [row] = await sql<[{ rights: string[] }]>`
    with me as (select oid, rolsuper from pg_roles where rolname = coalesce(${role}::name, current_user)),
    -- The role itself, and those whose rights it has or may take on with SET ROLE.
    mine as (select r.* from pg_roles r, me where pg_has_role(me.oid, r.oid, 'member')),
    spaces as (select oid, nspname, nspowner from pg_namespace where nspname !~ '^pg_(toast|temp_|toast_temp_|catalog$)'
      and nspname <> 'information_schema'),
    tables as (select c.oid, c.relname from pg_class c
      where c.relkind in ('r', 'p') and c.relnamespace = to_regnamespace(quote_ident(current_schema()))),
    rights (number, words) as (
      select 1, 'may create roles' where exists (select from mine where rolcreaterole)
      union all select 2, 'may create databases' where exists (select from mine where rolcreatedb)
      union all select 3, 'may replicate' where exists (select from mine where rolreplication)
      union all select 4, 'bypasses row-level security' where exists (select from mine where rolbypassrls)
      union all select 5, 'is a member of ' || rolname from mine
        where rolname ~ '^pg_' and rolname <> 'pg_database_owner'
      union all select 6, 'owns the database' from pg_database
        where datname = current_database() and datdba in (select oid from mine)
      union all select 7, 'owns the schema ' || nspname from spaces where nspowner in (select oid from mine)
      union all select 8, 'owns tables' where exists (select from pg_class join mine on mine.oid = relowner
        where relnamespace in (select oid from spaces))
      union all select 9, 'owns functions' where exists (select from pg_proc join mine on mine.oid = proowner
        where pronamespace in (select oid from spaces))
      union all select 10, 'may create schemas' from me where has_database_privilege(me.oid, current_database(), 'create')
      union all select 11, 'may create tables in the schema ' || nspname from spaces, me
        where has_schema_privilege(me.oid, spaces.oid, 'create')
      union all select 12, 'may truncate tables, refer to them or put triggers on them' where exists (
        select from tables, me where has_table_privilege(me.oid, tables.oid, 'truncate, references, trigger'))
      union all select 13, 'may change the list of migrations' where exists (select from tables, me
        where relname = 'schema_migrations' and has_table_privilege(me.oid, tables.oid, 'insert, update, delete')))
    select case when me.rolsuper then array['is a superuser']
      else array(select words from rights order by number, words) end as rights from me`;
  return row?.rights ?? [];
}
