import type { CancelReason, SessionSummary, ToolsIgnored, TurnEnd, UsageEntry } from "@boocode/contracts";
import type { Change } from "./changes.ts";
import type { Fence } from "./claim-turn.ts";
import { settingUsage, usageParameter } from "./count-usage.ts";
import { milliseconds, only, type Pool, type Sql } from "./sql.ts";
import { statusByKey } from "./turn-status.ts";
import { replyParameters, type Written } from "./write-steps.ts";

export interface EndedTurn {
  /** They do not include the turn's own frames, which its worker appends. */
  changes: Change[];
}

export interface EndingTurn extends Omit<Written, "reply"> {
  end: TurnEnd;
  /** The message that is still open, with its text so far; null when none is open. */
  reply: Written["reply"] | null;
  /** Set when the turn has shown that the session's model sees no tools. Recorded once for each model of a session. */
  toolsIgnored?: ToolsIgnored | null;
}

/** A complete answer, which ends its turn. */
export interface CompletedTurn extends Omit<EndingTurn, "toolsIgnored"> {
  fence: Fence;
}

/** A session after a turn's end, as `close_turn_1` returns it. */
interface ClosedSession extends SessionSummary {
  next_turn_id: string | null;
  tells_tools_ignored: boolean;
  list_version: number;
}

/**
 * Ends a turn under its fence. One compare-and-set decides between completion and cancel (T1, T12): a cancelling turn can
 * only end as cancelled. A turn whose session or project is gone ends as cancelled although nobody asked for it.
 * @returns `cancelling` when the caller must end the turn as cancelled instead; `lost` when the fence is lost
 */
export async function endTurn(
  pool: Pool,
  fence: Fence,
  { end, lastSeq, usage, toolsIgnored = null, ...written }: EndingTurn,
): Promise<EndedTurn | "cancelling" | "lost"> {
  const error = end.status === "failed" ? end.error : null;
  const rows = await pool<({ outcome: string } & ClosedSession)[]>`
    select * from end_turn_2(${fence.turnId}, ${fence.attempt}, ${end.status}, ${end.status === "cancelled" ? end.reason : null},
      ${error?.code ?? null}, ${error?.message ?? null}, ${lastSeq}, ${usage ? usageParameter(pool, usage) : null},
      ${toolsIgnored && pool.json(toolsIgnored)}, ${replyParameters(pool, written)})`;
  const { outcome, ...session } = only(rows);
  if (outcome === "lost" || outcome === "cancelling") return outcome;
  return changesOfEnd(end.status, session.id === null ? undefined : session);
}

/**
 * Ends several turns as complete in one transaction, each under its fence: see complete_turns_1.sql.
 * @returns for each turn its end, or null when `endTurn` has to say what became of it
 * @throws when it would wait long for a lock: then none has ended
 */
export async function completeTurns(pool: Pool, ending: readonly CompletedTurn[]): Promise<(EndedTurn | null)[]> {
  const each = <T>(of: (one: CompletedTurn) => T | null | undefined) => ending.map((one) => of(one) ?? null);
  const json = (of: (one: CompletedTurn) => object | null | undefined) =>
    each((one) => {
      const value = of(one);
      return value ? JSON.stringify(value) : null;
    });
  const rows = await pool<({ turn_id: string; attempt: number } & ClosedSession)[]>`
    select * from complete_turns_1(${each(({ fence }) => fence.turnId)}, ${each(({ fence }) => fence.attempt)},
      ${each(({ lastSeq }) => lastSeq)}, ${json(({ usage }) => usage)},
      ${each(({ reply }) => reply?.messageId)}, ${each(({ reply }) => reply?.content)}, ${each(({ reply }) => reply?.reasoning)},
      ${json(({ reply }) => reply?.toolCalls)}, ${json(({ context }) => context)}, ${json(({ reply }) => reply?.citations)},
      ${each(({ reply }) => reply?.finishReason)}, ${each(({ reply }) => reply?.model)}, ${each(({ reply }) => reply?.tokensUsed)},
      ${each(({ reply }) => reply?.ctxUsed)}, ${each(({ reply }) => reply?.ctxMax)})`;
  return ending.map(({ fence }) => {
    const row = rows.find(({ turn_id, attempt }) => turn_id === fence.turnId && attempt === fence.attempt);
    if (!row) return null;
    const { turn_id: _turn, attempt: _attempt, ...session } = row;
    return changesOfEnd("complete", session.id === null ? undefined : session);
  });
}

/**
 * Closes a turn in its session, whose lock the caller holds: its next turn becomes due, and a session with an answer but no name
 * asks for one.
 */
export async function closeTurn(sql: Sql, sessionId: string, status: TurnEnd["status"]): Promise<EndedTurn> {
  const [session] = await sql<ClosedSession[]>`select * from close_turn_1(${sessionId}, null)`;
  return changesOfEnd(status, session);
}

/** @param closed undefined: the session or its project is gone */
function changesOfEnd(status: TurnEnd["status"], closed: ClosedSession | undefined): EndedTurn {
  if (!closed) return { changes: [] };
  const { next_turn_id: next, tells_tools_ignored: tells, list_version: version, ...session } = closed;
  const { id: sessionId, tools_ignored: ignored } = session;
  const changes: Change[] = [];
  if (tells && ignored) {
    const frame = {
      type: "tools_ignored" as const,
      session_id: sessionId,
      version: session.version,
      tools_ignored: ignored,
    };
    changes.push({ kind: "structure", frame });
  }
  // The turn has already waited for its session, so it gets the priority of a user's only turn.
  if (next) changes.push({ kind: "turn_due", turnId: next, liveTurnsOfUser: 1 });
  changes.push({
    kind: "list",
    of: { projectId: session.project_id },
    frame: { type: "session_updated", session, version },
  });
  if (status === "complete" && session.name === null) changes.push({ kind: "name_wanted", sessionId });
  return { changes };
}

/** @returns why a turn is being cancelled; null when it is not */
export async function readCancelReason(sql: Sql, fence: Fence): Promise<CancelReason | null> {
  const [turn] = await sql<{ cancel_reason: CancelReason | null }[]>`
    select cancel_reason from turns where id = ${fence.turnId} and attempt = ${fence.attempt}`;
  return turn?.cancel_reason ?? null;
}

/**
 * Releases a turn: puts it back into the queue without spending its attempt, for example when the worker shuts down.
 * @param usage of all attempts, with the call of the open message; absent when this attempt has made none
 * @returns false when the fence is lost or the turn is being cancelled
 */
export async function releaseTurn(sql: Sql, fence: Fence, usage?: UsageEntry[]): Promise<boolean> {
  const result = await sql`
    update turns set status = 'queued', lease_until = null, due_at = now(), hand_backs = hand_backs + 1
      ${settingUsage(sql, usage, true)}
    where id = ${fence.turnId} and attempt = ${fence.attempt} and ${statusByKey(sql)} = 'running'`;
  return result.count > 0;
}

/**
 * Releases a turn whose reply was cut by the model server, for another attempt after `waitMs`. It counts the cuts of a step,
 * and not a crash, because the turn's worker is well.
 * @returns false when nothing was written: the fence is lost, the turn is being cancelled, or it had `maxCuts` already
 */
export async function requeueCutTurn(
  sql: Sql,
  fence: Fence,
  { maxCuts, waitMs, usage }: { maxCuts: number; waitMs: number; usage?: UsageEntry[] },
): Promise<boolean> {
  const result = await sql`
    update turns set status = 'queued', lease_until = null, due_at = now() + ${milliseconds(sql, waitMs)},
      cuts = cuts + 1, hand_backs = hand_backs + 1 ${settingUsage(sql, usage, true)}
    where id = ${fence.turnId} and attempt = ${fence.attempt} and ${statusByKey(sql)} = 'running' and cuts < ${maxCuts}::int`;
  return result.count > 0;
}
