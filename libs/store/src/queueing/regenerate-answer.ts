import { demand } from "../access.ts";
import type { IdempotencyKey } from "../idempotency.ts";
import { deletion, markDeleted } from "../messages.ts";
import { only, type Pool } from "../sql.ts";
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

export type RegenerateOutcome = QueuedTurn<"regenerated"> | TurnRefusal | { kind: "nothing" };

interface Admitted extends Admission {
  /** What the first request with this key was answered. */
  answer: StoredAnswer<"regenerated"> | null;
  lastOrdinal: number;
  liveOfAsker: number;
}

/**
 * Deletes the last turn's answer and queues a new turn for the same question. The question keeps its id and moves to the new
 * turn, because a turn ends once and its frames are never renumbered (T1).
 * @throws IdempotencyKeyReused, Forbidden, QuotaExceeded
 */
export async function regenerateAnswer(
  pool: Pool,
  turn: NewTurn,
  key: IdempotencyKey | null,
): Promise<RegenerateOutcome> {
  // Not in one statement: a long answer is marked in several, each within the time limit.
  return await pool.begin(async (sql) => {
    const admitted = only(
      await sql<Admitted[]>`
        select a.refusal, a.detail, a.role, (a.session).model, a.answer, (a.session).last_ordinal as "lastOrdinal",
          a.live_of_asker as "liveOfAsker"
        from admit_turn_1(${admission(sql, turn, key, "reject")}) a`,
    );
    const refusal = refusalOf(admitted);
    if (refusal) return refusal;
    if (admitted.answer) return repeated(admitted.answer);
    const question = await findLastQuestion(sql, turn.sessionId);
    if (!question) return { kind: "nothing" };
    demand(admitted.role, "regenerate answer", question.owner_id === turn.ownerId);
    const from = { turn_ordinal: question.turn_ordinal, position: 1 };
    const range = { from, through_turn: admitted.lastOrdinal };
    const deleted = deletion(await markDeleted(sql, turn.sessionId, range), range);
    const row = only(
      await sql<Queued<"regenerated">[]>`
        select ${queuedColumns(sql)} from queue_turn_1('regenerated', ${turn.ownerId}, ${turn.tokenId ?? null}, ${turn.sessionId}, ${turn.turnId},
          ${question.id}, null, ${admitted.liveOfAsker}, '[]', ${deleted.length}, ${headStart(sql)},
          ${key?.key ?? null}, ${key?.requestHash ?? null}) q`,
    );
    const frames = deleted.map(({ frame }) => frame);
    return queuedTurn(row, { before: frames }, 0);
  });
}
