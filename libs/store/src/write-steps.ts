import type { MessageContext, ReplyRecord, ShownFile, ToolResult, TurnEnd, UsageEntry } from "@boocode/contracts";
import type { Fence } from "./claim-turn.ts";
import { settingUsage } from "./count-usage.ts";
import type { DayCounts } from "./limits.ts";
import type { Pool, Sql } from "./sql.ts";
import { statusByKey } from "./turn-status.ts";

export interface ToolMessage {
  id: string;
  position: number;
  content: string;
  result: ToolResult;
  /** What the output shows of the project's files; absent: nothing. */
  evidence?: ShownFile[];
}

/** A finished model call with its tool calls and their results. */
export interface Step {
  reply: ReplyRecord;
  step: number;
  tools: ToolMessage[];
  /** The seq of the last frame that carries a part of this step. */
  lastSeq: number;
  /** The usage of all attempts, with this step's; absent: unchanged. */
  usage?: UsageEntry[];
}

interface FencedTurn {
  session_id: string;
  owner_id: string;
  ordinal: number;
}

/**
 * Checks the fence for one transaction, and locks the turn. It also refuses a late duplicate of a write that was retried: the
 * duplicate's older `last_seq` would move that of the turn back, although the text has grown since.
 * @returns the turn's session and owner; null when the fence is lost
 */
async function takeFence(sql: Sql, fence: Fence, lastSeq: number, setting = sql``): Promise<FencedTurn | null> {
  const [turn] = await takingFence(sql, fence, lastSeq, setting);
  return turn ?? null;
}

const takingFence = (sql: Sql, fence: Fence, lastSeq: number, setting = sql``) => sql<FencedTurn[]>`
  update turns set last_seq = ${lastSeq} ${setting}
  where id = ${fence.turnId} and attempt = ${fence.attempt} and ${statusByKey(sql)} = 'running' and last_seq <= ${lastSeq}
  returning session_id, owner_id, ordinal`;

/** The message that a model call will write. */
export interface StreamingMessage {
  id: string;
  position: number;
  step: number;
  model: string | null;
  lastSeq: number;
  context?: MessageContext | null;
}

/**
 * Creates the assistant's message of a step, or reuses that of an earlier attempt.
 * @returns what the turn's user has used today, with this turn's committed steps; null when the fence is lost
 */
export async function startMessage(pool: Pool, fence: Fence, message: StreamingMessage): Promise<DayCounts | null> {
  // One statement, because the model call waits for it.
  const [started] = await pool<DayCounts[]>`
    with turn as (${takingFence(pool, fence, message.lastSeq)}), started as (
      insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, step, role, status, model,
        context, last_seq, started_at)
      select ${message.id}, turn.session_id, turn.owner_id, ${fence.turnId}, turn.ordinal,
        ${message.position}, ${message.step}, 'assistant', 'streaming', ${message.model},
        ${jsonOrNull(pool, message.context)}, ${message.lastSeq}, now()
      from turn
      on conflict (id) do update set started_at = now(), last_seq = excluded.last_seq, model = excluded.model,
        context = excluded.context
      returning owner_id
    )
    select today.* from started, count_day_use_1(started.owner_id) today`;
  return started ?? null;
}

/** Saves the context of a model call before its frame is appended. @returns false when the fence is lost */
export async function saveContext(
  pool: Pool,
  fence: Fence,
  { messageId, context, lastSeq }: { messageId: string; context: MessageContext; lastSeq: number },
): Promise<boolean> {
  return await pool.begin(async (sql) => {
    if (!(await takeFence(sql, fence, lastSeq))) return false;
    await sql`
      update messages set context = ${jsonOrNull(sql, context)}, last_seq = ${lastSeq}
      where id = ${messageId} and status = 'streaming'`;
    return true;
  });
}

const jsonOrNull = (sql: Sql, value: object | null | undefined) => (value ? sql.json(value as never) : null);

/**
 * Saves the tool calls of a streaming message before their frames are appended.
 * @param usage the usage of all attempts, if the step were lost now
 * @returns false when the fence is lost
 */
export async function saveToolCalls(
  pool: Pool,
  fence: Fence,
  { reply, lastSeq, usage }: Pick<Step, "reply" | "lastSeq" | "usage">,
): Promise<boolean> {
  return await pool.begin(async (sql) => {
    if (!(await takeFence(sql, fence, lastSeq, settingUsage(sql, usage, true)))) return false;
    await sql`
      update messages set content = ${reply.content}, reasoning = ${reply.reasoning},
        tool_calls = ${reply.toolCalls ? sql.json(reply.toolCalls as never) : null}, last_seq = ${lastSeq}
      where id = ${reply.messageId} and status = 'streaming'`;
    return true;
  });
}

/**
 * Commits a step atomically: the assistant's message with its tool calls, and their results (T2). A later attempt resumes
 * after it. The write is idempotent, so it can be repeated when its result was lost.
 * @returns false when the fence is lost and nothing was written
 */
export async function commitStep(
  pool: Pool,
  fence: Fence,
  { reply, step, tools, lastSeq, usage }: Step,
): Promise<boolean> {
  return await pool.begin(async (sql) => {
    const turn = await takeFence(sql, fence, lastSeq, settingUsage(sql, usage, false));
    if (!turn) return false;
    await sql`update turns set cuts = 0 where id = ${fence.turnId} and cuts > 0`;
    await finishMessage(sql, { end: { status: "complete" }, reply, lastSeq });
    for (const tool of tools) {
      await sql`
        insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, step, role, content,
          tool_result, evidence, last_seq, finished_at)
        values (${tool.id}, ${turn.session_id}, ${turn.owner_id}, ${fence.turnId}, ${turn.ordinal}, ${tool.position},
          ${step}, 'tool', ${tool.content}, ${sql.json(tool.result as never)}, ${evidenceOf(sql, tool)}, ${lastSeq}, now())
        on conflict (id) do nothing`;
    }
    return true;
  });
}

const evidenceOf = (sql: Sql, { evidence }: ToolMessage) => jsonOrNull(sql, evidence?.length ? evidence : null);

/** Ends a streaming message. Part of `commitStep` and of the end of a turn. */
export async function finishMessage(
  sql: Sql,
  { end, reply, lastSeq }: { end: TurnEnd; reply: ReplyRecord; lastSeq: number },
): Promise<void> {
  const error = end.status === "failed" ? end.error : null;
  await sql`
    update messages set content = ${reply.content}, reasoning = ${reply.reasoning},
      tool_calls = ${reply.toolCalls ? sql.json(reply.toolCalls as never) : null}, status = ${end.status},
      citations = ${jsonOrNull(sql, reply.citations)}, finish_reason = ${reply.finishReason}, model = coalesce(${reply.model}, model), tokens_used = ${reply.tokensUsed},
      ctx_used = ${reply.ctxUsed}, ctx_max = ${reply.ctxMax}, error_code = ${error?.code ?? null},
      error = ${error?.message ?? null}, last_seq = ${lastSeq}, finished_at = now()
    where id = ${reply.messageId} and status = 'streaming'`;
}
