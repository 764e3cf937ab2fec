import type { PublishedUserFrame, SessionSummary, StructuralFrame } from "@boocode/contracts";
import { raiseUserVersion } from "./accounts/users.ts";
import { raiseProjectVersion } from "./sharing/list-versions.ts";
import { only, type Sql, summaryColumns } from "./sql.ts";

/** A change made by a transaction, with its version; `libs/announce` announces it after the commit. */
export type Change =
  /** The structure of a session changed. */
  | { kind: "structure"; frame: StructuralFrame }
  /** A list of projects or sessions changed. */
  | { kind: "list"; of: ListOwner; frame: PublishedUserFrame }
  | Hint;

/** Whose version a change of the lists raises: the project's, for all who may read it, or one user's. */
export type ListOwner = { projectId: string } | { userId: string };

/** Work that a worker finds in Postgres even without the hint, but later. */
export type Hint =
  /** A worker may claim the turn. The more live turns its user has, the lower its priority in the queue. */
  | { kind: "turn_due"; turnId: string; liveTurnsOfUser: number }
  /** The turn was asked to stop, and a worker may hold it. */
  | { kind: "turn_cancelling"; turnId: string }
  /** The session has an answer and no name. */
  | { kind: "name_wanted"; sessionId: string };

type Without<F, K extends PropertyKey> = F extends unknown ? Omit<F, K> : never;

/** A change of a session's structure that has no version yet. */
export interface Structure {
  kind: "structure";
  frame: Without<StructuralFrame, "session_id" | "version">;
}

/** A change of the lists that has no version yet. */
export interface ListChange {
  kind: "list";
  frame: Without<PublishedUserFrame, "version">;
}

/**
 * Records the changes of a session: raises its version by one per structural change, numbers these in order, and adds a change
 * of the project's list with the session's new state. The caller holds the session's lock and calls this last, because it locks
 * the project (see the lock order in sql.ts).
 * @param touch whether the session counts as used and moves up in the list
 * @param isLast whether it becomes the session of the project that was used last
 */
export async function recordSessionChanges(
  sql: Sql,
  { sessionId, touch = true, isLast = false }: { sessionId: string; touch?: boolean; isLast?: boolean },
  changes: (Structure | Hint)[],
): Promise<{ session: SessionSummary; changes: Change[] }> {
  const structural = changes.filter((change) => change.kind === "structure").length;
  const session = only(
    await sql<SessionSummary[]>`
      update sessions s set version = version + ${structural}::int, updated_at = ${touch ? sql`now()` : sql`updated_at`}
      where id = ${sessionId} returning ${summaryColumns(sql)}`,
  );
  const numbered = numberStructure(session, changes);
  const listed: ListChange = { kind: "list", frame: { type: "session_updated", session } };
  const of = { projectId: session.project_id };
  return { session, changes: await recordChanges(sql, of, [...numbered, listed], isLast ? sessionId : undefined) };
}

/** Gives the structural changes of a session their versions, of which the last is the session's. */
export function numberStructure(
  { id, version: last }: Pick<SessionSummary, "id" | "version">,
  changes: (Structure | Hint)[],
): Exclude<Change, { kind: "list" }>[] {
  let version = last - changes.filter(({ kind }) => kind === "structure").length;
  return changes.map((change) => {
    if (change.kind !== "structure") return change;
    version += 1;
    return { kind: "structure" as const, frame: { ...change.frame, session_id: id, version } };
  });
}

/**
 * Records the changes of a transaction: raises the version of the project's list, or of the user's, by one per change of the
 * lists and numbers these in order. Every change of every transaction passes through here with its version, so an outbox (for
 * webhooks) can write its rows here, in the same transaction and from the same list.
 */
export async function recordChanges(
  sql: Sql,
  of: ListOwner,
  changes: (Extract<Change, { kind: "structure" }> | ListChange | Hint)[],
  lastSessionId?: string,
): Promise<Change[]> {
  const lists = changes.filter((change) => change.kind === "list").length;
  const raise = () =>
    "projectId" in of
      ? raiseProjectVersion(sql, of.projectId, lists, lastSessionId)
      : raiseUserVersion(sql, of.userId, lists);
  let version = lists === 0 ? 0 : (await raise()) - lists;
  return changes.map((change) => {
    if (change.kind !== "list") return change;
    version += 1;
    return { kind: "list", of, frame: { ...change.frame, version } };
  });
}
