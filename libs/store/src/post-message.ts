import type { Message, PostMessage } from "@boocode/contracts";
import { cancelTurnsOfSessions, changesOfCancel } from "./cancel-turns.ts";
import { type Change, type Hint, recordSessionChanges, type Structure } from "./changes.ts";
import { type IdempotencyKey, once } from "./idempotency.ts";
import { messageColumns } from "./rows.ts";
import { lockSession } from "./sessions.ts";
import { milliseconds, only, type Pool, type Sql } from "./sql.ts";

/** How long the queue alone may bring a turn to a worker before any reconciler may take it from Postgres, in ms. */
export const QUEUE_HEAD_START_MS = 1_000;

/** A turn that was queued with its question. */
export interface QueuedTurn<Kind extends string> {
  kind: Kind;
  turnId: string;
  message: Message;
  /** The version of the session after this change. */
  version: number;
  /** To announce. Empty when this is the answer to an earlier request and an earlier release stored it. */
  changes: Change[];
}

export type PostOutcome = QueuedTurn<"posted"> | { kind: "not_found" } | { kind: "busy" };

/**
 * Stores the user's message and a queued turn in one transaction (T8: an acknowledged post exists after any crash).
 * @throws IdempotencyKeyReused
 */
export async function postMessage(
  pool: Pool,
  post: PostMessage & { ownerId: string; sessionId: string; turnId: string; messageId: string },
  key: IdempotencyKey | null,
): Promise<PostOutcome> {
  const store = async (sql: Sql): Promise<PostOutcome> => {
    const locked = await lockSession(sql, post.ownerId, post.sessionId);
    if (!locked) return { kind: "not_found" };
    if (post.when_busy === "reject" && (await countLiveTurns(sql, post.sessionId)) > 0) return { kind: "busy" };
    const cancelled =
      post.when_busy === "interrupt"
        ? await cancelTurnsOfSessions(sql, post.ownerId, [post.sessionId], "interrupted")
        : { cancelling: [], withdrawn: [] };
    const queued = await queueTurn(sql, post);
    const message = only(
      await sql<Message[]>`
        insert into messages as m (id, session_id, owner_id, turn_id, turn_ordinal, position, role, content)
        values (${post.messageId}, ${post.sessionId}, ${post.ownerId}, ${post.turnId}, ${queued.ordinal}, 0, 'user',
          ${post.content})
        returning ${messageColumns(sql)}`,
    );
    await sql`update projects set last_session_id = ${post.sessionId} where id = ${locked.project_id}`;
    const { session, changes } = await recordSessionChanges(sql, post, [
      ...changesOfCancel(cancelled, "interrupted"),
      { kind: "structure", frame: { type: "message_posted", message } },
      ...queued.changes,
    ]);
    return { kind: "posted", turnId: post.turnId, message, version: session.version, changes };
  };
  return await pool.begin((sql) =>
    once(
      sql,
      key,
      () => store(sql),
      (outcome) => (outcome.kind === "posted" ? withoutLists(outcome) : null),
    ),
  );
}

/** What a repeated request announces again: all but the owner's lists, which have moved on since. */
export const withoutLists = <Q extends { changes: Change[] }>(queued: Q): Q => ({
  ...queued,
  changes: queued.changes.filter((change) => change.kind !== "list"),
});

/** Adds a turn to a locked session. @returns its ordinal, and what the transaction has to record */
export async function queueTurn(
  sql: Sql,
  turn: { turnId: string; sessionId: string; ownerId: string },
): Promise<{ ordinal: number; changes: (Structure | Hint)[] }> {
  const ahead = await countLiveTurns(sql, turn.sessionId);
  const { last_ordinal: ordinal } = only(
    await sql<{ last_ordinal: number }[]>`
      update sessions set last_ordinal = last_ordinal + 1 where id = ${turn.sessionId} returning last_ordinal`,
  );
  await sql`
    insert into turns (id, session_id, owner_id, ordinal, due_at)
    values (${turn.turnId}, ${turn.sessionId}, ${turn.ownerId}, ${ordinal},
      now() + ${milliseconds(sql, QUEUE_HEAD_START_MS)})`;
  const liveTurnsOfUser = await countLiveTurnsOfUser(sql, turn.ownerId);
  return {
    ordinal,
    changes: [
      { kind: "structure", frame: { type: "turn_queued", turn_id: turn.turnId, ordinal, ahead } },
      { kind: "turn_due", turnId: turn.turnId, liveTurnsOfUser },
    ],
  };
}

export async function countLiveTurns(sql: Sql, sessionId: string): Promise<number> {
  const rows = await sql<{ count: number }[]>`
    select count(*) from turns where session_id = ${sessionId} and status in ('queued', 'running', 'cancelling')`;
  return only(rows).count;
}

export async function countLiveTurnsOfUser(sql: Sql, ownerId: string): Promise<number> {
  const rows = await sql<{ count: number }[]>`
    select count(*) from turns where owner_id = ${ownerId} and status in ('queued', 'running', 'cancelling')`;
  return only(rows).count;
}
