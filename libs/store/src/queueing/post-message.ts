import type { PostMessage } from "@boocode/contracts";
import type { IdempotencyKey } from "../idempotency.ts";
import { only, type Pool, wholeTransaction } from "../sql.ts";
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
  type TurnRefusal,
} from "./queue-turn.ts";

export type PostOutcome = QueuedTurn<"posted"> | TurnRefusal;

/** `listVersion` is null for a repeated request. */
interface Row extends Admission, Queued<"posted"> {
  withdrawn: string[];
  /** How many live turns the session had before. */
  ahead: number;
}

const INTERRUPTED = "interrupted" as const;

/**
 * Stores the user's message and a queued turn in one statement (T8: an acknowledged post survives any crash).
 * @throws IdempotencyKeyReused, Forbidden, QuotaExceeded
 */
export async function postMessage(
  sql: Pool,
  post: PostMessage & NewTurn & { messageId: string },
  key: IdempotencyKey | null,
): Promise<PostOutcome> {
  const rows = await wholeTransaction(
    () => sql<Row[]>`
      select q.refusal, q.detail, q.role, (q.session).model, ${queuedColumns(sql)},
        to_jsonb(q.withdrawn) as withdrawn, (q.session).live_turns - 1 as ahead
      from post_message_2(
        ${admission(sql, post, key, post.when_busy)}, token => ${post.tokenId ?? null}, new_turn => ${post.turnId},
        new_message => ${post.messageId}, new_content => ${post.content}, head_start => ${headStart(sql)}) q`,
  );
  const row = only(rows);
  const refusal = refusalOf(row);
  if (refusal) return refusal;
  if (row.listVersion === null) return repeated(row.answer);
  const withdrawn = row.withdrawn.map((turn_id) => ({ type: "turn_withdrawn" as const, turn_id, reason: INTERRUPTED }));
  return queuedTurn(row, { before: withdrawn }, row.ahead);
}
