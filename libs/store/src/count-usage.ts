import type { UsageEntry } from "@boocode/contracts";
import type { Pool, Sql } from "./sql.ts";

/*
 * How usage is counted exactly once. The holder of a turn knows the usage of all attempts: it gets the sum so far with its claim,
 * and under its fence writes the new sum with each step, and when it ends or releases the turn. When a holder dies, the reconciler
 * that requeues or ends the turn estimates the open message's call from its draft, unless `usage_has_draft` says that the sum
 * includes it. The statement that ends a turn writes its rows of `usage`, and a turn ends once.
 */

export const usageParameter = (sql: Sql, usage: readonly UsageEntry[]) => sql.json(usage as never);

/**
 * Assignments of an update of `turns`, for its holder; none without `usage`.
 * @param hasDraft whether `usage` includes the call of the open message, if there is one
 */
export const settingUsage = (sql: Sql, usage: readonly UsageEntry[] | undefined, hasDraft: boolean) =>
  usage === undefined ? sql`` : sql`, usage = ${usageParameter(sql, usage)}, usage_has_draft = ${hasDraft}`;

/** A statement that writes the rows of what a CTE `ended` returns: id, session_id, owner_id, finished_at and usage. */
export const insertingUsage = (sql: Sql) => sql`
  insert into usage (id, kind, model, day, user_id, session_id, project_id, project_name,
    calls, prompt_tokens, cached_tokens, answer_tokens, reasoning_tokens, estimated_tokens)
  select ended.id, u.kind, u.model, (ended.finished_at at time zone 'UTC')::date, ended.owner_id, s.id, p.id, p.name,
    sum(calls), sum(prompt_tokens), sum(cached_tokens), sum(answer_tokens), sum(reasoning_tokens), sum(estimated_tokens)
  from ended join sessions s on s.id = ended.session_id join projects p on p.id = s.project_id,
    jsonb_to_recordset(ended.usage) as u (kind text, model text, calls int, prompt_tokens bigint, cached_tokens bigint,
      answer_tokens bigint, reasoning_tokens bigint, estimated_tokens bigint)
  group by 1, 2, 3, 4, 5, 6, 7, 8
  on conflict do nothing`;

/** Characters per token of code and prose. */
const CHARACTERS_PER_TOKEN = 3.6;

/**
 * An expression over `turns t`: a list with an estimate of the open message's call, for a turn whose holder is dead. Empty when
 * the turn's usage includes it, and when no text was saved: then the server may not have been asked.
 */
export const usageOfDraft = (sql: Sql) => sql`coalesce((
  select jsonb_build_array(jsonb_build_object('kind', 'broken', 'model', left(coalesce(m.context->>'model', m.model, 'default'), 200),
    'calls', 1, 'prompt_tokens', prompt, 'cached_tokens', 0, 'answer_tokens', answer, 'reasoning_tokens', 0,
    'estimated_tokens', prompt + answer))
  from messages m, lateral (select coalesce((m.context->>'prompt_estimate')::int, 0) as prompt,
    ceil((length(m.content) + coalesce(length(m.reasoning), 0)) / ${CHARACTERS_PER_TOKEN}::numeric)::int as answer) tokens
  where m.turn_id = t.id and m.status = 'streaming' and answer > 0 and not t.usage_has_draft limit 1), '[]')`;

/** The run of naming that asked a model for a session's name. */
export interface NamingUsage {
  /** The run's own id: writing it again changes nothing. */
  id: string;
  sessionId: string;
  /** Whose usage it is: the user whose answered question gives the name. */
  userId: string;
  usage: UsageEntry[];
}

/** Writes the usage of a run of naming. */
export async function recordNamingUsage(sql: Pool, { id, sessionId, userId, usage }: NamingUsage): Promise<void> {
  await sql`
    with ended as (
      select ${id}::uuid as id, ${sessionId}::uuid as session_id, ${userId}::uuid as owner_id, now() as finished_at,
        ${usageParameter(sql, usage)}::jsonb as usage
    )
    ${insertingUsage(sql)}`;
}
