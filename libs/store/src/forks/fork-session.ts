import { type ForkSession, MAX_FORK, type Session, type UserLimits } from "@boocode/contracts";
import { demand, readableSession, readRole } from "../access.ts";
import type { Change } from "../changes.ts";
import { answerOfKey, type IdempotencyKey, rememberAnswer } from "../idempotency.ts";
import { findOver, lockLimits, QuotaExceeded, readCounts } from "../limits.ts";
import { keepUnlessProjectDeleted, listNewSession } from "../new-session.ts";
import { findSession } from "../sessions.ts";
import { only, type Pool, type Sql, sessionColumns } from "../sql.ts";
import { type CopiedPart, copyTurns, findPart } from "./copy-turns.ts";
import { forkName } from "./fork-name.ts";

export interface NewFork extends ForkSession {
  id: string;
  /** The user who makes the fork. */
  ownerId: string;
  /** The source. */
  sessionId: string;
  /** What the user may have; null, or absent: no limits. */
  limits?: UserLimits;
}

export type ForkOutcome =
  | { kind: "forked"; session: Session; changes: Change[] }
  | { kind: "not_found" | "turn_not_finished" | "session_too_large" };

interface Source {
  projectId: string;
  name: string | null;
}

/** What a fork adds to. */
const COUNTED = ["sessions", "stored_bytes", "bytes_per_day"] as const;

/**
 * Copies a session up to and including a turn into a new session of the user, in the same project: questions, answers, results of
 * tools, evidence and citations, each with a new id. The source is not locked and learns nothing of it. What the turns used is not
 * counted again; what the copy stores counts for the user.
 * @throws Forbidden, QuotaExceeded, IdempotencyKeyReused
 */
export async function forkSession(pool: Pool, fork: NewFork, key: IdempotencyKey | null): Promise<ForkOutcome> {
  const outcome = await keepUnlessProjectDeleted(() => pool.begin((sql) => makeFork(sql, fork, key)));
  return outcome ?? { kind: "not_found" };
}

async function makeFork(sql: Sql, fork: NewFork, key: IdempotencyKey | null): Promise<ForkOutcome> {
  const known = key && (await answerOfKey<{ sessionId: string }>(sql, key));
  if (known) {
    const session = await findSession(sql, fork.ownerId, known.sessionId);
    return session ? { kind: "forked", session, changes: [] } : { kind: "not_found" };
  }
  const [source] = await sql<Source[]>`
    select s.project_id as "projectId", s.name from sessions s
    where s.id = ${fork.sessionId} and ${readableSession(sql, fork.ownerId)}`;
  const role = source && (await readRole(sql, fork.ownerId, source.projectId));
  if (!source || !role) return { kind: "not_found" };
  demand(role, "ask", true);
  const part = await findPart(sql, fork.sessionId, fork.turn_id);
  if (!part) return { kind: "not_found" };
  if (part.isLive) return { kind: "turn_not_finished" };
  if (part.messages > MAX_FORK.messages || part.bytes > MAX_FORK.bytes) return { kind: "session_too_large" };
  // Twice: who is at a limit copies nothing, and the copy is counted exactly, with the lock held for a moment only.
  const most = fork.limits;
  if (most) refuseOver(await readCounts(sql, fork.ownerId), most, 1);
  await addSession(sql, fork, source, part);
  await copyTurns(sql, fork, part);
  if (most) {
    await lockLimits(sql, fork.ownerId);
    refuseOver(await readCounts(sql, fork.ownerId), most, 0);
  }
  if (key) await rememberAnswer(sql, key, { kind: "forked", sessionId: fork.id });
  const session = only(await sql<Session[]>`select ${sessionColumns(sql)} from sessions s where s.id = ${fork.id}`);
  return { kind: "forked", session, changes: await listNewSession(sql, session) };
}

/** @param more what is still to be added of each @throws QuotaExceeded */
function refuseOver(counts: Awaited<ReturnType<typeof readCounts>>, most: UserLimits, more: number): void {
  const exceeded = findOver(counts, most, COUNTED, more);
  if (exceeded) throw new QuotaExceeded(exceeded);
}

async function addSession(
  sql: Sql,
  fork: NewFork,
  { projectId, name }: Source,
  { ordinal }: CopiedPart,
): Promise<void> {
  await sql`
    insert into sessions (id, project_id, owner_id, name, model, system_prompt, tools_ignored, last_ordinal)
    select ${fork.id}, ${projectId}, ${fork.ownerId}, ${fork.name ?? forkName(name)}, s.model, s.system_prompt, s.tools_ignored, ${ordinal}
    from sessions s where s.id = ${fork.sessionId}`;
}
