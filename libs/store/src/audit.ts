import type { AuditEvent, AuditEventName, AuditList, AuditQuery } from "@boocode/contracts";
import type { Pool, Sql } from "./sql.ts";

/** Who did something: a user, with the token that the request carried, or nobody who has an account. */
export type Actor = { userId: string; tokenId: string | null } | "operator" | "service" | "anonymous";

export interface NewAuditEvent {
  event: AuditEventName;
  actor: Actor;
  /** The user whom the event concerns. */
  userId?: string | null;
  projectId?: string | null;
  address?: string | null;
  /** Ids and settings. Never a text that a user wrote to a model, never a secret. */
  detail?: Record<string, string | number | boolean | null | string[]>;
  /** Of repeated refusals. */
  count?: number;
  at?: Date;
  lastAt?: Date;
}

/** Records a security event in the transaction that causes it, so that neither exists without the other. */
export async function recordAudit(sql: Sql, event: NewAuditEvent): Promise<void> {
  const actor = typeof event.actor === "string" ? null : event.actor;
  const at = event.at ?? sql`now()`;
  await sql`
    insert into audit_events (event, actor, actor_id, token_id, user_id, project_id, address, detail, count, at, last_at)
    values (${event.event}, ${actor ? "user" : (event.actor as string)}, ${actor?.userId ?? null}, ${actor?.tokenId ?? null},
      ${event.userId ?? null}, ${event.projectId ?? null}, ${event.address ?? null}, ${sql.json(event.detail ?? {})},
      ${event.count ?? 1}, ${at}, ${event.lastAt ?? at})`;
}

/** Lists events, newest first, for administrators. */
export async function listAudit(sql: Sql, { event, user_id, before, limit }: AuditQuery): Promise<AuditList> {
  // One more than asked for, which shows whether there is another page.
  const rows = await sql<AuditEvent[]>`
    select id, at, event, actor, actor_id, token_id, user_id, project_id, address, detail, count, last_at
    from audit_events
    where true ${event ? sql`and event = ${event}` : sql``} ${before ? sql`and id < ${before}` : sql``}
      ${user_id ? sql`and (user_id = ${user_id} or actor_id = ${user_id})` : sql``}
    order by id desc limit ${limit + 1}`;
  const events = rows.slice(0, limit);
  return { events, has_more: rows.length > limit, next: rows.length > limit ? (events.at(-1)?.id ?? null) : null };
}

/** Deletes events that are older than the retention, at least 30 days. @returns how many; 0 when none is left */
export async function deleteOldAuditEvents(sql: Sql, keepDays: number): Promise<number> {
  const [row] = await sql<{ count: number }[]>`select delete_old_audit_events(${keepDays}) as count`;
  return row?.count ?? 0;
}

/** Records several events, all or none. */
export async function recordAuditEvents(pool: Pool, events: NewAuditEvent[]): Promise<void> {
  await pool.begin(async (sql) => {
    for (const event of events) await recordAudit(sql, event);
  });
}
