import type { Message, PostMessage } from "@boocode/contracts";
import { type CancelledTurns, cancelTurnsOfSessions } from "./cancel-turns.ts";
import { type IdempotencyKey, once } from "./idempotency.ts";
import { messageColumns } from "./rows.ts";
import { lockSession, raiseSessionVersion, type SessionChange, showInLists } from "./sessions.ts";
import { milliseconds, only, type Pool, type Sql } from "./sql.ts";

/** How long the queue alone may bring a turn to a worker before any reconciler may take it from Postgres, in ms. */
export const QUEUE_HEAD_START_MS = 1_000;

/** A message that was stored with its turn, and everything that the frames about it state. */
export interface PostedTurn {
  kind: "posted";
  turnId: string;
  message: Message;
  /** The version of the session after this change; its frames carry the versions before it, in order. */
  version: number;
  /** Turns of the session that run before this one. */
  ahead: number;
  cancelled: CancelledTurns;
  /** Turns of this user that wait or run: the queue's priority grows with it. */
  liveTurnsOfUser: number;
  /** What the owner's lists show of it; null when this is the answer to an earlier post, after which they have gone on. */
  lists: SessionChange | null;
}

export type PostOutcome = PostedTurn | { kind: "not_found" } | { kind: "busy" };

/**
 * Stores the user's message and a queued turn in one transaction (T8: an acknowledged post exists after any crash).
 * @throws IdempotencyKeyReused
 */
export async function postMessage(
  pool: Pool,
  post: PostMessage & { ownerId: string; sessionId: string; turnId: string; messageId: string },
  key: IdempotencyKey | null,
): Promise<PostOutcome> {
  return await pool.begin(async (sql) => {
    let lists = null as SessionChange | null;
    const outcome = await once<PostOutcome>(
      sql,
      key,
      async () => {
        const session = await lockSession(sql, post.ownerId, post.sessionId);
        if (!session) return { kind: "not_found" };
        if (post.when_busy === "reject" && (await countLiveTurns(sql, post.sessionId)) > 0) return { kind: "busy" };
        const cancelled =
          post.when_busy === "interrupt"
            ? await cancelTurnsOfSessions(sql, post.ownerId, [post.sessionId], "interrupted")
            : { cancelling: [], withdrawn: [] };
        const ahead = await countLiveTurns(sql, post.sessionId);
        const ordinal = await insertTurn(sql, post);
        const [message] = await sql<[Message]>`
        insert into messages as m (id, session_id, owner_id, turn_id, turn_ordinal, position, role, content)
        values (${post.messageId}, ${post.sessionId}, ${post.ownerId}, ${post.turnId}, ${ordinal}, 0, 'user', ${post.content})
        returning ${messageColumns(sql)}`;
        await sql`update projects set last_session_id = ${post.sessionId} where id = ${session.project_id}`;
        const version = await raiseSessionVersion(sql, post.sessionId, cancelled.withdrawn.length + 2);
        const liveTurnsOfUser = await countLiveTurnsOfUser(sql, post.ownerId);
        lists = await showInLists(sql, post.ownerId, post.sessionId);
        return {
          kind: "posted",
          turnId: post.turnId,
          message,
          version,
          ahead,
          cancelled,
          liveTurnsOfUser,
          lists: null,
        };
      },
      (answer) => answer.kind === "posted",
    );
    return outcome.kind === "posted" ? { ...outcome, lists } : outcome;
  });
}

/** Adds a turn to a locked session. @returns its ordinal */
export async function insertTurn(
  sql: Sql,
  turn: { turnId: string; sessionId: string; ownerId: string },
): Promise<number> {
  const { last_ordinal: ordinal } = only(
    await sql<{ last_ordinal: number }[]>`
      update sessions set last_ordinal = last_ordinal + 1 where id = ${turn.sessionId} returning last_ordinal`,
  );
  await sql`
    insert into turns (id, session_id, owner_id, ordinal, due_at)
    values (${turn.turnId}, ${turn.sessionId}, ${turn.ownerId}, ${ordinal},
      now() + ${milliseconds(sql, QUEUE_HEAD_START_MS)})`;
  return ordinal;
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
