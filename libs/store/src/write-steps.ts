import type { MessageContext, ReplyRecord, ShownFile, ToolResult, UsageEntry } from "@boocode/contracts";
import type { Fence } from "./claim-turn.ts";
import { settingUsage, usageParameter } from "./count-usage.ts";
import { type Asker, askerOf, type DayCounts } from "./limits.ts";
import type { Fragment, Pool, Sql } from "./sql.ts";
import { statusByKey } from "./turn-status.ts";

export interface ToolMessage {
  id: string;
  position: number;
  content: string;
  result: ToolResult;
  /** What the output shows of the project's files; absent: nothing. */
  evidence?: ShownFile[];
}

/** What a model call has written. */
export interface Written {
  reply: ReplyRecord;
  /** What was sent to the model; absent or null: as it was saved before. */
  context?: MessageContext | null;
  /** The seq of the last frame that carries a part of it. */
  lastSeq: number;
  /** The usage of all attempts; absent: as it was saved last. */
  usage?: UsageEntry[];
}

/** A finished model call with its tool calls and their results. */
export interface Step extends Written {
  step: number;
  tools: ToolMessage[];
  /** The message of the next step, which begins with this commit. */
  next?: Pick<StreamingMessage, "id" | "position" | "model" | "context">;
}

/**
 * A statement that checks the fence and locks the turn. It also refuses a late duplicate of a write that was retried: the
 * duplicate's older `last_seq` would move that of the turn back, although the text has grown since.
 */
const takingFence = (sql: Sql, fence: Fence, lastSeq: number, setting = sql``) => sql`
  update turns set last_seq = ${lastSeq} ${setting}
  where id = ${fence.turnId} and attempt = ${fence.attempt} and ${statusByKey(sql)} = 'running' and last_seq <= ${lastSeq}
  returning id, session_id, owner_id, ordinal`;

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
 * @returns false when the fence is lost
 */
export async function startMessage(pool: Pool, fence: Fence, message: StreamingMessage): Promise<boolean> {
  const result = await pool`
    with turn as (${takingFence(pool, fence, message.lastSeq)})
    insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, step, role, status, model,
      context, last_seq, started_at)
    select ${message.id}, turn.session_id, turn.owner_id, turn.id, turn.ordinal,
      ${message.position}, ${message.step}, 'assistant', 'streaming', ${message.model},
      ${jsonOrNull(pool, message.context)}, ${message.lastSeq}, now()
    from turn
    on conflict (id) do update set started_at = now(), last_seq = excluded.last_seq, model = excluded.model,
      context = excluded.context`;
  return result.count > 0;
}

/** Saves the context of a model call before its frame is appended. @returns false when the fence is lost */
export async function saveContext(
  pool: Pool,
  fence: Fence,
  { messageId, context, lastSeq }: { messageId: string; context: MessageContext; lastSeq: number },
): Promise<boolean> {
  const turn = takingFence(pool, fence, lastSeq);
  return await writeOpen(pool, turn, messageId, pool`context = ${jsonOrNull(pool, context)}, last_seq = ${lastSeq}`);
}

/**
 * Saves the tool calls of a streaming message before their frames are appended.
 * @param written its `usage`: as if the step were lost now
 * @returns false when the fence is lost
 */
export async function saveToolCalls(
  pool: Pool,
  fence: Fence,
  { reply, context, lastSeq, usage }: Written,
): Promise<boolean> {
  const turn = takingFence(pool, fence, lastSeq, settingUsage(pool, usage, true));
  const calls = pool`
    content = ${reply.content}, reasoning = ${reply.reasoning}, tool_calls = ${jsonOrNull(pool, reply.toolCalls)},
    context = coalesce(${jsonOrNull(pool, context)}, m.context), last_seq = ${lastSeq}`;
  return await writeOpen(pool, turn, reply.messageId, calls);
}

/** Writes a streaming message and its turn in one statement. @returns false when the fence is lost */
async function writeOpen(pool: Pool, turn: Fragment, messageId: string, assignments: Fragment): Promise<boolean> {
  const rows = await pool`
    with turn as (${turn}), written as (
      update messages m set ${assignments} from turn
      where m.id = ${messageId} and m.turn_id = turn.id and m.status = 'streaming'
    )
    select from turn`;
  return rows.length > 0;
}

/** What decides between two steps of a turn whether its user may go on. */
export interface DayState {
  /** What the user has used today. */
  used: DayCounts;
  /** Whose limits hold, as they are now. */
  asker: Asker;
}

/**
 * Commits a step atomically: the assistant's message with its tool calls, their results, and the beginning of the next step's
 * message (T2). A later attempt resumes after it. The write is idempotent, so it can be repeated when its result was lost.
 * @returns what the turn's user has used today, with this step, and may use; null when the fence is lost and nothing was written
 */
export async function commitStep(
  pool: Pool,
  fence: Fence,
  { step, tools, lastSeq, usage, next, ...written }: Step,
): Promise<DayState | null> {
  const [state] = await pool<DayState[]>`
    select to_jsonb(used) as used, (select ${askerOf(pool)} from turns t where t.id = ${fence.turnId}) as asker
    from commit_step_2(${fence.turnId}, ${fence.attempt}, ${lastSeq}, ${usage ? usageParameter(pool, usage) : null},
      ${replyParameters(pool, written)}, ${step}, ${tools.map(({ id }) => id)}, ${tools.map(({ position }) => position)},
      ${tools.map(({ content }) => content)}, ${tools.map(({ result }) => JSON.stringify(result))},
      ${tools.map(({ evidence }) => (evidence?.length ? JSON.stringify(evidence) : null))},
      ${next?.id ?? null}, ${next?.position ?? null}, ${next?.model ?? null}, ${jsonOrNull(pool, next?.context)}) used`;
  return state ?? null;
}

/** The parameters of a function that ends a message, from its id on. */
export const replyParameters = (
  sql: Sql,
  { reply, context }: { reply: ReplyRecord | null } & Pick<Written, "context">,
) => sql`
  ${reply?.messageId ?? null}, ${reply?.content ?? null}, ${reply?.reasoning ?? null}, ${jsonOrNull(sql, reply?.toolCalls)},
  ${jsonOrNull(sql, context)}, ${jsonOrNull(sql, reply?.citations)}, ${reply?.finishReason ?? null}, ${reply?.model ?? null}, ${reply?.tokensUsed ?? null},
  ${reply?.ctxUsed ?? null}, ${reply?.ctxMax ?? null}`;

/** A jsonb parameter. */
const jsonOrNull = (sql: Sql, value: object | null | undefined) => (value ? sql.json(value as never) : null);
