import { randomUUID } from "node:crypto";
import { testDatabase } from "@boocode/backing-services/testing";
import type { Message, ReplyRecord, UsageEntry } from "@boocode/contracts";
import { connectPostgres } from "@boocode/runtime";
import {
  type CancelledTurns,
  type Change,
  type Claim,
  type Claimable,
  type ClaimedTurn,
  claimTurns,
  createProject,
  createSession,
  createUser,
  listProjects,
  listSessions,
  messageColumns,
  type OrphanRule,
  type Pool,
  postMessage,
  type QueuedTurn,
  startMessage,
} from "@boocode/store";
import { afterAll, beforeAll } from "vitest";

/** A user with a project and a session. */
export interface Place {
  ownerId: string;
  projectId: string;
  sessionId: string;
}

/** Every expired lease means a dead worker. */
export const ORPHANS: OrphanRule = { maxCrashes: 3, judgeUntil: Date.now() + 24 * 60 * 60_000 };

interface Store {
  /** With the role of the services, and so is `url`. */
  pool: Pool;
  url: string;
  /** With the role that owns the tables. */
  owner: Pool;
}

/** Gives the test file a database of its own; the pools are set before the first test. */
export function useStore(options: { connections?: number } = {}): Store {
  const fixture = {} as Store;
  let drop = async () => {};
  beforeAll(async () => {
    const database = await testDatabase();
    drop = database.drop;
    fixture.url = database.url;
    fixture.pool = connectPostgres(database.url, { name: "test", connections: options.connections ?? 10 });
    // It fills tables with single long statements.
    fixture.owner = connectPostgres(database.ownerUrl, { name: "owner", connections: 1, statementMs: 60_000 });
  });
  afterAll(async () => {
    await Promise.all([fixture.pool?.end({ timeout: 2 }), fixture.owner?.end({ timeout: 2 })]);
    await drop();
  });
  return fixture;
}

export async function newUser(pool: Pool): Promise<string> {
  const id = randomUUID();
  await createUser(pool, { id, name: id });
  return id;
}

export async function newProject(pool: Pool, ownerId: string): Promise<string> {
  const id = randomUUID();
  await createProject(pool, { id, ownerId, name: "a project", path: "/tmp/code" });
  return id;
}

export async function newSession(pool: Pool, ownerId: string, projectId: string): Promise<string> {
  const id = randomUUID();
  await createSession(pool, { id, ownerId, projectId });
  return id;
}

export async function newPlace(pool: Pool, owner?: string): Promise<Place> {
  const ownerId = owner ?? (await newUser(pool));
  const projectId = await newProject(pool, ownerId);
  return { ownerId, projectId, sessionId: await newSession(pool, ownerId, projectId) };
}

/** The input of `postMessage`, with new ids. */
export function question(place: Place, content = "why?") {
  return { ...place, content, when_busy: "queue" as const, turnId: randomUUID(), messageId: randomUUID() };
}

export async function post(pool: Pool, place: Place, content?: string): Promise<QueuedTurn<"posted">> {
  const outcome = await postMessage(pool, question(place, content), null);
  if (outcome.kind !== "posted") throw new Error(`the post was answered ${outcome.kind}`);
  return outcome;
}

/** The turns that a change cancelled. */
export function cancelled(changed: { changes: Change[] } | null | undefined): CancelledTurns {
  const changes = changed?.changes ?? [];
  return {
    cancelling: changes.flatMap((change) => (change.kind === "turn_cancelling" ? [change.turnId] : [])),
    withdrawn: frames(changed).flatMap((frame) => (frame.type === "turn_withdrawn" ? [frame.turn_id] : [])),
  };
}

/** The structural frames of a change, in order. */
export const frames = (changed: { changes: Change[] } | null | undefined) =>
  (changed?.changes ?? []).flatMap((change) => (change.kind === "structure" ? [change.frame] : []));

/** Of a worker in which each user may hold one slot, and these users do. */
export const atLimit = (...users: string[]): Claim["shares"] => ({
  most: 1,
  held: new Map(users.map((id) => [id, 1])),
});

/** The input of a claim, with a new nonce. */
export const asWorker = (claim: Partial<Claim> = {}): Claim => ({
  workerId: "w",
  nonce: randomUUID().slice(0, 8),
  leaseMs: 60_000,
  maxAttempts: 3,
  takesPoisonCandidates: true,
  shares: atLimit(),
  ...claim,
});

export const DUE = { kind: "due" } as const;
/** A claim for a slot that became free. */
export const WAITING: Claimable = { kind: "waiting", woken: [] };

/** Claims one turn. */
export const claimNextTurn = async (pool: Pool, which: Claimable, claim: Claim): Promise<ClaimedTurn | null> =>
  (await claimTurns(pool, which, claim, 1))[0] ?? null;

/** Claims this turn if it can be claimed, and no other: it becomes the only due one. */
export async function claimOnly(pool: Pool, turnId: string, claim: Claim): Promise<ClaimedTurn | null> {
  await pool`
    update turns set due_at = now() + case when id = ${turnId} then interval '-1 hour' else '1 hour' end
    where status = 'queued'`;
  return await claimNextTurn(pool, DUE, claim);
}

export async function claim(pool: Pool, turnId: string, leaseMs = 60_000): Promise<ClaimedTurn & { turnId: string }> {
  const turn = await claimOnly(pool, turnId, asWorker({ leaseMs }));
  if (!turn) throw new Error("there was nothing to claim");
  return { ...turn, turnId };
}

/** A claimed turn whose answer is streaming. */
export async function running(pool: Pool, place: Place, leaseMs?: number) {
  const posted = await post(pool, place);
  const turn = await claim(pool, posted.turnId, leaseMs);
  const messageId = turn.streaming_message_id ?? randomUUID();
  await startMessage(pool, turn, { id: messageId, position: 1, step: 0, model: null, lastSeq: 2 });
  return { turn, messageId, questionId: posted.message.id };
}

export function reply(messageId: string, content = "because"): ReplyRecord {
  const facts = { finishReason: "stop", model: "m", tokensUsed: 3, ctxUsed: 4, ctxMax: 5 };
  return { messageId, content, reasoning: null, toolCalls: null, ...facts };
}

/** The usage of one call. */
export function used(kind: UsageEntry["kind"], prompt: number, answer = 1, model = "m"): UsageEntry {
  const parts = { cached_tokens: 0, reasoning_tokens: 0, estimated_tokens: 0 };
  return { kind, model, calls: 1, prompt_tokens: prompt, answer_tokens: answer, ...parts };
}

/** The committed messages of one turn, in order. */
export async function committedOf(pool: Pool, turnId: string) {
  return await pool<Message[]>`
    select ${messageColumns(pool)} from messages m
    where m.turn_id = ${turnId} and m.deleted_at is null and m.status <> 'streaming' order by m.position`;
}

/** The content of the database, to compare it before and after. */
export async function dump(pool: Pool): Promise<unknown> {
  const tables = [
    "users",
    "api_tokens",
    "grants",
    "projects",
    "project_members",
    "sessions",
    "turns",
    "messages",
    "idempotency_keys",
    "usage",
    "shares",
  ];
  const rows: Record<string, unknown> = {};
  for (const table of tables) {
    rows[table] = await pool`select to_jsonb(t) as row from ${pool(table)} t order by to_jsonb(t)::text`;
  }
  return rows;
}

/** Resolves when at least `statements` statements on this database wait for a lock. */
export async function untilBlocked(pool: Pool, statements = 1): Promise<void> {
  for (;;) {
    const [row] = await pool<{ count: number }[]>`
      select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    if ((row?.count ?? 0) >= statements) return;
  }
}

/** Lets the lease of a turn expire. */
export async function letLeaseDie(pool: Pool, turnId: string): Promise<void> {
  await pool`update turns set lease_until = now() - interval '1 second' where id = ${turnId}`;
}

export async function turnRow(pool: Pool, turnId: string) {
  const [row] = await pool<
    {
      status: string;
      attempt: number;
      nonce: string;
      last_seq: number;
      crashes: number;
      worker_deaths: number;
      hand_backs: number;
    }[]
  >`select status, attempt, nonce, last_seq, crashes, worker_deaths, hand_backs from turns where id = ${turnId}`;
  if (!row) throw new Error("no such turn");
  return row;
}

export async function messageRow(pool: Pool, messageId: string) {
  const [row] = await pool<{ content: string; status: string; last_seq: number; deleted_at: string | null }[]>`
    select content, status, last_seq, deleted_at from messages where id = ${messageId}`;
  return row ?? null;
}

/** All projects of a user. */
export const projectsOf = async (pool: Pool, userId: string) =>
  (await listProjects(pool, userId, { limit: 100 })).projects;

/** All sessions of a project that a user may read. */
export const sessionsOf = async (pool: Pool, userId: string, projectId: string) =>
  (await listSessions(pool, userId, projectId, { limit: 100 })).sessions;
