import type { PublishedUserFrame, Session, StructuralFrame } from "@boocode/contracts";
import { only, type Sql, sessionColumns } from "./sql.ts";
import { raiseUserVersion } from "./users.ts";

/** Something that a transaction did and that others are notified of after its commit (`libs/announce`), with its version. */
export type Change =
  /** The structure of a session changed. */
  | { kind: "structure"; frame: StructuralFrame }
  /** A user's list of projects or sessions changed. */
  | { kind: "list"; ownerId: string; frame: PublishedUserFrame }
  | Hint;

/** Something that a worker finds in Postgres by itself, and sooner with a hint. */
export type Hint =
  /** A worker may claim the turn. The queue's priority falls with the number of live turns of its user. */
  | { kind: "turn_due"; turnId: string; liveTurnsOfUser: number }
  /** The turn was asked to stop, and a worker may hold it. */
  | { kind: "turn_cancelling"; turnId: string }
  /** The session has its first answer and no name. */
  | { kind: "name_wanted"; sessionId: string };

type Without<F, K extends PropertyKey> = F extends unknown ? Omit<F, K> : never;

/** A change of a session's structure before its transaction gives out the version. */
export interface Structure {
  kind: "structure";
  frame: Without<StructuralFrame, "session_id" | "version">;
}

/** A change of a user's lists before its transaction gives out the version. */
export interface ListChange {
  kind: "list";
  frame: Without<PublishedUserFrame, "version">;
}

/**
 * Records the changes of a session whose row the transaction has locked: raises the session's version by one for each
 * structural change, numbers them in order, and adds how the owner's list shows the session now. By the lock order the last
 * writes of their transaction.
 * @param touch whether the session counts as used: it moves up in the owner's list
 */
export async function recordSessionChanges(
  sql: Sql,
  { ownerId, sessionId, touch = true }: { ownerId: string; sessionId: string; touch?: boolean },
  changes: (Structure | Hint)[],
): Promise<{ session: Session; changes: Change[] }> {
  const structural = changes.filter((change) => change.kind === "structure").length;
  const session = only(
    await sql<Session[]>`
      update sessions s set version = version + ${structural}::int, updated_at = ${touch ? sql`now()` : sql`updated_at`}
      where id = ${sessionId} returning ${sessionColumns(sql)}`,
  );
  let version = session.version - structural;
  const numbered = changes.map((change) => {
    if (change.kind !== "structure") return change;
    version += 1;
    return { kind: "structure" as const, frame: { ...change.frame, session_id: sessionId, version } };
  });
  const listed: ListChange = { kind: "list", frame: { type: "session_updated", session } };
  return { session, changes: await recordChanges(sql, ownerId, [...numbered, listed]) };
}

/**
 * Records what a transaction changed: raises the user's version by one for each change of the lists and numbers them in order.
 * Every change of every transaction comes through here, with its version. An outbox (for webhooks) writes its rows here, in the
 * same transaction and from the same list.
 */
export async function recordChanges(
  sql: Sql,
  ownerId: string,
  changes: (Extract<Change, { kind: "structure" }> | ListChange | Hint)[],
): Promise<Change[]> {
  const lists = changes.filter((change) => change.kind === "list").length;
  let version = lists === 0 ? 0 : (await raiseUserVersion(sql, ownerId, lists)) - lists;
  return changes.map((change) => {
    if (change.kind !== "list") return change;
    version += 1;
    return { kind: "list", ownerId, frame: { ...change.frame, version } };
  });
}
