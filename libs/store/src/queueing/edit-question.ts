import type { EditQuestion } from "@boocode/contracts";
import { demand } from "../access.ts";
import { cancelTurnsOfSessions, changesOfCancel, hintsOfCancel } from "../cancel-turns.ts";
import type { IdempotencyKey } from "../idempotency.ts";
import { deletion, markDeleted } from "../messages.ts";
import { only, type Pool, type Sql } from "../sql.ts";
import { findLastQuestion } from "./last-question.ts";
import {
  type Admission,
  admission,
  headStart,
  type NewTurn,
  type Queued,
  type QueuedTurn,
  queuedColumns,
  queuedTurn,
  refusalOf,
  repeated,
  type StoredAnswer,
  type TurnRefusal,
} from "./queue-turn.ts";

export type EditOutcome = QueuedTurn<"posted"> | TurnRefusal | { kind: "not_last_question" };

interface Admitted extends Admission {
  /** What the first request with this key was answered. */
  answer: StoredAnswer<"posted"> | null;
  lastOrdinal: number;
  liveOfAsker: number;
}

const DELETED = "messages_deleted" as const;

/** Rolls back what was written before a turn was refused. */
class Refused extends Error {
  readonly refusal: TurnRefusal;

  constructor(refusal: TurnRefusal) {
    super(refusal.kind);
    this.refusal = refusal;
  }
}

/**
 * Replaces the session's last question: cancels its turn, deletes the question with its answer, and posts the new text with a turn
 * of its own, in one transaction. Turns of earlier questions go on, and the new turn waits for them.
 * @param edit `message_id`: refused unless this is the last question; absent: whichever it is
 * @throws IdempotencyKeyReused, Forbidden, QuotaExceeded
 */
export async function editQuestion(
  pool: Pool,
  edit: EditQuestion & NewTurn & { messageId: string },
  key: IdempotencyKey | null,
): Promise<EditOutcome> {
  // Not in one statement: a long answer is marked in several, each within the time limit.
  try {
    return await pool.begin((sql) => replaceQuestion(sql, edit, key));
  } catch (error) {
    if (error instanceof Refused) return error.refusal;
    throw error;
  }
}

async function replaceQuestion(
  sql: Sql,
  edit: EditQuestion & NewTurn & { messageId: string },
  key: IdempotencyKey | null,
): Promise<EditOutcome> {
  const { limits: _, ...unlimited } = edit;
  const first = await admit(sql, unlimited, key);
  const refusal = refusalOf(first);
  if (refusal) return refusal;
  if (first.answer) return repeated(first.answer);
  const question = await findLastQuestion(sql, edit.sessionId);
  if (!question || question.id !== (edit.message_id ?? question.id)) return { kind: "not_last_question" };
  demand(first.role, "regenerate answer", question.owner_id === edit.ownerId);
  const cancelled = await cancelTurnsOfSessions(sql, {
    ...{ sessionIds: [edit.sessionId], reason: DELETED, fromOrdinal: question.turn_ordinal },
  });
  // The limits are compared only now: a question that waited has left its place to the new one.
  const admitted = await admit(sql, edit, key);
  const late = refusalOf(admitted);
  if (late) throw new Refused(late);
  const range = { from: { turn_ordinal: question.turn_ordinal, position: 0 }, through_turn: admitted.lastOrdinal };
  const gone = [
    ...changesOfCancel({ ...cancelled, cancelling: [] }, DELETED),
    ...deletion(await markDeleted(sql, edit.sessionId, range), range),
  ].flatMap((change) => (change.kind === "structure" ? [change.frame] : []));
  const row = only(
    await sql<(Queued<"posted"> & { ahead: number })[]>`
      select ${queuedColumns(sql)}, (q.session).live_turns - 1 as ahead
      from queue_turn_1('posted', ${edit.ownerId}, ${edit.tokenId ?? null}, ${edit.sessionId}, ${edit.turnId},
        ${edit.messageId}, ${edit.content}, ${admitted.liveOfAsker}, ${sql.json(hintsOfCancel(cancelled.cancelling) as never)},
        ${gone.length}, ${headStart(sql)}, ${key?.key ?? null}, ${key?.requestHash ?? null}) q`,
  );
  // The new question comes before the deletion, so that no subscriber is ever without both.
  return queuedTurn(row, { after: gone }, row.ahead);
}

async function admit(sql: Sql, turn: NewTurn, key: IdempotencyKey | null): Promise<Admitted> {
  return only(
    await sql<Admitted[]>`
      select a.refusal, a.detail, a.role, (a.session).model, a.answer, (a.session).last_ordinal as "lastOrdinal",
        a.live_of_asker as "liveOfAsker"
      from admit_turn_1(${admission(sql, turn, key, "queue")}) a`,
  );
}
