import type { UsageEntry } from "@boocode/contracts";
import type { Sql } from "./sql.ts";

/*
 * How usage is counted exactly once. The holder of a turn knows the usage of all attempts: it gets the sum so far with its claim,
 * and under its fence writes the new sum with each step, and when it ends or releases the turn. When a holder dies, the reconciler
 * that requeues or ends the turn estimates the open message's call from its draft, unless `usage_has_draft` says that the sum
 * includes it. The statement that ends a turn writes its rows of `usage` (functions/add_usage_2.sql), and a turn ends once.
 */

export const usageParameter = (sql: Sql, usage: readonly UsageEntry[]) => sql.json(usage as never);

/**
 * Assignments of an update of `turns`, for its holder; none without `usage`.
 * @param hasDraft whether `usage` includes the call of the open message, if there is one
 */
export const settingUsage = (sql: Sql, usage: readonly UsageEntry[] | undefined, hasDraft: boolean) =>
  usage === undefined ? sql`` : sql`, usage = ${usageParameter(sql, usage)}, usage_has_draft = ${hasDraft}`;

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
