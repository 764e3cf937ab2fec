import { randomBytes, randomUUID } from "node:crypto";
import * as store from "@boocode/store";

/** A user with sessions, turns in every state, and messages, for one call. */
export interface Mine {
  userId: string;
  tokenId: string;
  tokenHash: Buffer;
  /** A user with whom the project is shared. */
  memberId: string;
  projectId: string;
  /** It has an ended turn, the running one and a queued one. */
  sessionId: string;
  running: store.Fence;
  queuedId: string;
  /** Its turn that has ended. */
  endedId: string;
  /** The running turn's open message. */
  messageId: string;
  /** The question of the ended turn. */
  questionId: string;
  /** A session whose only turn has ended. */
  idleId: string;
}

/** A call as the services make it, for one user. */
export type Call = (pool: store.Pool, my: Mine) => Promise<unknown>;

const reply = (messageId: string) => ({
  ...{ messageId, content: "because", reasoning: null, toolCalls: null },
  ...{ finishReason: "stop", model: "m", tokensUsed: 3, ctxUsed: 4, ctxMax: 5 },
});
const question = ({ userId, idleId }: Mine) => ({
  ...{
    ownerId: userId,
    sessionId: idleId,
    turnId: randomUUID(),
    messageId: randomUUID(),
    content: "why?",
    limits: LIMITS,
  },
});
const LIMITS = {
  ...{ turns_waiting: 100, turns_running: 100, sessions: 1_000_000, stored_bytes: 1e12, tokens_per_day: 1e12 },
  ...{ bytes_per_day: 1e12, tool_calls_per_day: 1e12 },
} as never;
const newShare = ({ sessionId, endedId }: Mine) => ({
  ...{ id: randomUUID(), sessionId, turn_id: endedId, tokenHash: randomBytes(32) },
  ...{ audience: "signed_in" as const, expiresIn: 60, most: 1_000 },
});
const key = ({ userId }: Mine) => ({ userId, key: randomUUID(), requestHash: Buffer.alloc(32) });
const as = ({ userId, tokenId }: Mine) => ({ userId, tokenId });
const RANGE = { from: "2020-01-01", to: "2040-01-01", limit: 10, by: ["day" as const] };

/** Each function of the store whose cost must not depend on what others have, called as the services do. */
export const BY_KEY: Record<string, Call> = {
  cancelTurn: (pool, my) => store.cancelTurn(pool, my.userId, my.sessionId),
  cancelTurns: (pool, my) => store.cancelTurns(pool, [my.queuedId, my.running.turnId], "user"),
  cancelTurnsOfSessions: (pool, my) =>
    store.cancelTurnsOfSessions(pool, { sessionIds: [my.sessionId, my.idleId], reason: "user" }),
  changeScopes: (pool, my) => store.changeScopes(pool, my.tokenId, ["read"]),
  changeSession: (pool, my) => store.changeSession(pool, my.userId, my.sessionId, { name: "name" }),
  changeUser: (pool, my) => store.changeUser(pool, "operator", my.userId, { disabled: true }),
  commitStep: (pool, my) =>
    store.commitStep(pool, my.running, { reply: reply(my.messageId), step: 0, tools: [], lastSeq: 9 }),
  completeTurns: (pool, my) =>
    store.completeTurns(pool, [
      { fence: my.running, end: { status: "complete" }, reply: reply(my.messageId), lastSeq: 9 },
    ]),
  createGrant: (pool, my) => store.createGrant(pool, { userId: my.userId, path: "/p", by: "operator" }),
  createProject: (pool, my) =>
    store.createProject(pool, { id: randomUUID(), ownerId: my.userId, name: "p", path: "/p" }),
  createSession: (pool, my) =>
    store.createSession(pool, { id: randomUUID(), ownerId: my.userId, projectId: my.projectId, most: 1_000 }),
  createShare: (pool, my) => store.createShare(pool, as(my), newShare(my)),
  createToken: (pool, my) =>
    store.createToken(pool, { id: randomUUID(), userId: my.userId, tokenHash: randomBytes(32) }),
  createTokenAs: (pool, my) =>
    store.createTokenAs(pool, as(my), { id: randomUUID(), userId: my.userId, tokenHash: randomBytes(32) }),
  createUser: (pool) => store.createUser(pool, { id: randomUUID(), name: randomUUID() }),
  createUserForIdentity: (pool) =>
    store.createUserForIdentity(
      pool,
      { id: randomUUID(), name: randomUUID(), role: "user" },
      { issuer: "i", subject: randomUUID() },
    ),
  deleteMessagesFrom: (pool, my) => store.deleteMessagesFrom(pool, my.userId, my.sessionId, my.questionId),
  deleteOldSession: (pool, my) => store.deleteOldSession(pool, my.idleId, 0),
  deleteProject: (pool, my) => store.deleteProject(pool, my.userId, my.projectId),
  deleteSession: (pool, my) => store.deleteSession(pool, my.userId, my.sessionId),
  deleteUser: (pool, my) => store.deleteUser(pool, "operator", my.userId),
  endTurn: (pool, my) =>
    store.endTurn(pool, my.running, { end: { status: "complete" }, reply: reply(my.messageId), lastSeq: 9 }),
  exportUser: async (pool, my) => {
    for await (const _ of store.exportUser(pool, my.userId));
  },
  findEndedCredentials: (pool, my) => store.findEndedCredentials(pool, [as(my)]),
  editQuestion: (pool, my) => store.editQuestion(pool, question(my), key(my)),
  findFolderHolder: (pool, my) => store.findFolderHolder(pool, my.userId),
  findMessage: (pool, my) => store.findMessage(pool, my.userId, my.sessionId, my.questionId),
  findProject: (pool, my) => store.findProject(pool, my.userId, my.projectId),
  findSession: (pool, my) => store.findSession(pool, my.userId, my.sessionId),
  findTokenOwner: (pool, my) => store.findTokenOwner(pool, my.tokenId),
  findTurn: (pool, my) => store.findTurn(pool, my.userId, my.sessionId, my.running.turnId),
  findUnreadable: (pool, my) => store.findUnreadable(pool, [my]),
  findUser: (pool, my) => store.findUser(pool, my.userId),
  findUserByIdentity: (pool) => store.findUserByIdentity(pool, { issuer: "i", subject: "s" }, null),
  findUserByName: (pool, my) => store.findUserByName(pool, my.userId),
  findUserByTokenHash: (pool, my) => store.findUserByTokenHash(pool, my.tokenHash),
  isSlugTaken: (pool) => store.isSlugTaken(pool, "slug"),
  linkIdentity: (pool, my) => store.linkIdentity(pool, my.userId, { issuer: "i", subject: randomUUID() }),
  listAllSessions: (pool, my) => store.listAllSessions(pool, my.userId, { limit: 50 }),
  listGrants: (pool, my) => store.listGrants(pool, my.userId),
  listMembers: (pool, my) => store.listMembers(pool, my.userId, my.projectId),
  listMessages: (pool, my) => store.listMessages(pool, my.userId, my.sessionId, { limit: 50 }),
  listProjects: (pool, my) => store.listProjects(pool, my.userId, { limit: 50 }),
  listSessions: (pool, my) => store.listSessions(pool, my.userId, my.projectId, { limit: 50 }),
  listOwnShares: (pool, my) => store.listOwnShares(pool, my.userId),
  listShares: (pool, my) => store.listShares(pool, my.userId, my.sessionId),
  listTokens: (pool, my) => store.listTokens(pool, my.userId),
  forkSession: (pool, my) =>
    store.forkSession(
      pool,
      { ...my, id: randomUUID(), ownerId: my.userId, turn_id: my.endedId, limits: LIMITS },
      key(my),
    ),
  lockSession: (pool, my) => store.lockSession(pool, my.userId, my.sessionId),
  markDeleted: (pool, my) =>
    store.markDeleted(pool, my.sessionId, { from: { turn_ordinal: 1, position: 0 }, through_turn: 3 }),
  nameSession: (pool, my) =>
    store.nameSession(pool, {
      ...{ id: randomUUID(), sessionId: my.sessionId, userId: my.userId, usage: [], name: "name" },
    }),
  openSessionExport: async (pool, my) => {
    for await (const _ of (await store.openSessionExport(pool, my.userId, my.sessionId))?.pages ?? []);
  },
  postMessage: (pool, my) => store.postMessage(pool, { ...question(my), when_busy: "queue" }, key(my)),
  raiseUserVersion: (pool, my) => store.raiseUserVersion(pool, my.userId),
  readCancelReason: (pool, my) => store.readCancelReason(pool, my.running),
  readCitationShowings: (pool, my) => store.readCitationShowings(pool, my.userId, { ...my, index: 0 }),
  readCounts: (pool, my) => store.readCounts(pool, my.userId),
  readCredentials: (pool, my) => store.readCredentials(pool, [as(my)]),
  readCurrentTurn: (pool, my) => store.readCurrentTurn(pool, my.sessionId),
  readEndedAccess: async (pool) => store.readEndedAccess(pool, (await store.readEndedAccess(pool, null)).mark),
  readForNaming: (pool, my) => store.readForNaming(pool, my.sessionId),
  readListParts: (pool, my) => store.readListParts(pool, my.userId, 100),
  readListVersions: (pool, my) => store.readListVersions(pool, [my.userId]),
  readPositions: (pool, my) => store.readPositions(pool, [{ id: my.sessionId, last: null }]),
  readShowings: (pool, my) => store.readShowings(pool, my.sessionId, ["main.ts"]),
  readShare: async (pool, my) => {
    const share = newShare(my);
    await store.createShare(pool, as(my), share);
    return await store.readShare(pool, my.memberId, share.tokenHash, { limit: 50 });
  },
  readTurnsBefore: (pool, my) =>
    store.readTurnsBefore(pool, {
      ...{ sessionId: my.sessionId, before: 2, from: 0, turns: 20, elideBelow: 0, elideOver: 1_000 },
    }),
  readTurnsFrom: (pool, my) => store.readTurnsFrom(pool, my.sessionId, 1, 20),
  readUsage: (pool, my) => store.readUsage(pool, my.userId, RANGE),
  recordAudit: (pool, my) => store.recordAudit(pool, { event: "token.created", actor: "operator", userId: my.userId }),
  recordAuditEvents: (pool, my) =>
    store.recordAuditEvents(pool, [{ event: "token.created", actor: "operator", userId: my.userId }]),
  recordTokenUses: (pool, my) => store.recordTokenUses(pool, [{ tokenId: my.tokenId, agoMs: 1 }]),
  regenerateAnswer: (pool, my) => store.regenerateAnswer(pool, question(my), key(my)),
  releaseTurn: (pool, my) => store.releaseTurn(pool, my.running),
  removeMember: (pool, my) => store.removeMember(pool, as(my), my.projectId, my.memberId),
  renameProject: (pool, my) => store.renameProject(pool, my.userId, my.projectId, "name"),
  renewLeases: (pool, my) => store.renewLeases(pool, [my.running], 60_000),
  requeueCutTurn: (pool, my) => store.requeueCutTurn(pool, my.running, { maxCuts: 3, waitMs: 0 }),
  revokeAllTokens: (pool, my) => store.revokeAllTokens(pool, "operator", my.userId),
  revokeShare: async (pool, my) => {
    const share = newShare(my);
    await store.createShare(pool, as(my), share);
    return await store.revokeShare(pool, as(my), my.sessionId, share.id);
  },
  revokeToken: (pool, my) => store.revokeToken(pool, "operator", my),
  revokeTokens: (pool, my) => store.revokeTokens(pool, my.userId),
  saveContext: (pool, my) =>
    store.saveContext(pool, my.running, { messageId: my.messageId, context: {} as never, lastSeq: 9 }),
  saveDrafts: (pool, my) =>
    store.saveDrafts(pool, [{ ...my.running, messageId: my.messageId, content: "be", reasoning: null, lastSeq: 9 }]),
  saveToolCalls: (pool, my) => store.saveToolCalls(pool, my.running, { reply: reply(my.messageId), lastSeq: 9 }),
  searchProjects: (pool, my) => store.searchProjects(pool, my.userId, { query: "p", limit: 50 }),
  searchTexts: (pool, my) => store.searchTexts(pool, { userId: my.userId, query: "text", limit: 50 }),
  setMember: (pool, my) => store.setMember(pool, as(my), my.projectId, { name: my.memberId, role: "reader" }),
  startMessage: (pool, my) =>
    store.startMessage(pool, my.running, { id: my.messageId, position: 1, step: 0, model: null, lastSeq: 9 }),
  takeOverClaim: (pool, my) => store.takeOverClaim(pool, my.running, { workerId: "w", leaseMs: 60_000 }),
  withdrawTurn: (pool, my) => store.withdrawTurn(pool, my.userId, my.sessionId, my.queuedId),
};

const RULE = { maxCrashes: 3, judgeUntil: null };
const CLAIM = { workerId: "w", nonce: "n", leaseMs: 60_000, maxAttempts: 3, takesPoisonCandidates: true };

/** Each function that looks for work among the live turns of all users, and may read each of them a few times. */
export const OVER_LIVE: Record<string, Call> = {
  cancelRevokedTurns: (pool, my) => store.cancelRevokedTurns(pool, pool`s.project_id = ${my.projectId}`),
  claimTurns: (pool) => store.claimTurns(pool, { kind: "due" }, { ...CLAIM, shares: { most: 10, held: new Map() } }, 1),
  deleteGrant: async (pool, my) => {
    const grant = await store.createGrant(pool, { userId: my.userId, path: "/", by: "operator" });
    if (typeof grant === "string") throw new Error(grant);
    const lost = { userId: my.userId, grantId: grant.id, ownFolders: [], by: "operator" as const };
    return await store.deleteGrant(pool, lost);
  },
  emptyProject: async (pool, my) => {
    await store.deleteProject(pool, my.userId, my.projectId);
    return await store.emptyProject(pool, my.projectId);
  },
  endOrphan: (pool) => store.endOrphan(pool, "n", RULE, 60_000),
  listLiveTurns: (pool, my) => store.listLiveTurns(pool, my.userId, my.sessionId),
  readOpenWork: (pool) => store.readOpenWork(pool, 5_000),
  readWaitingTurns: (pool, my) => store.readWaitingTurns(pool, [my.sessionId], 10),
  requeueOrphans: (pool) => store.requeueOrphans(pool, RULE),
};

/** Adds a user with everything that a call needs. */
export async function newMine(sql: store.Pool): Promise<Mine> {
  const my: Mine = {
    ...{ userId: randomUUID(), memberId: randomUUID(), tokenId: randomUUID(), tokenHash: randomBytes(32) },
    ...{ projectId: randomUUID(), sessionId: randomUUID(), idleId: randomUUID(), queuedId: randomUUID() },
    ...{ endedId: randomUUID() },
    ...{ messageId: randomUUID(), questionId: randomUUID(), running: { turnId: randomUUID(), attempt: 1 } },
  };
  const { userId, memberId, tokenId, tokenHash, projectId, sessionId, idleId, endedId } = my;
  const idleTurnId = randomUUID();
  await store.createUser(sql, { id: userId, name: userId });
  await store.createUser(sql, { id: memberId, name: memberId });
  await store.createToken(sql, { id: tokenId, userId, tokenHash });
  await store.createProject(sql, { id: projectId, ownerId: userId, name: "p", path: "/p" });
  await sql`insert into project_members (project_id, user_id, role) values (${projectId}, ${memberId}, 'member')`;
  await sql`
    insert into sessions (id, project_id, owner_id, last_ordinal)
    values (${sessionId}, ${projectId}, ${userId}, 3), (${idleId}, ${projectId}, ${userId}, 1)`;
  await sql`
    insert into turns (id, session_id, owner_id, token_id, ordinal, status, attempt, worker_id, lease_until, started_at, finished_at)
    values (${endedId}, ${sessionId}, ${userId}, ${tokenId}, 1, 'complete', 1, 'w', null, now(), now()),
      (${my.running.turnId}, ${sessionId}, ${userId}, ${tokenId}, 2, 'running', 1, 'w', now() + interval '1 hour', now(), null),
      (${my.queuedId}, ${sessionId}, ${userId}, ${tokenId}, 3, 'queued', 0, null, null, null, null),
      (${idleTurnId}, ${idleId}, ${userId}, ${tokenId}, 1, 'complete', 1, 'w', null, now(), now())`;
  await sql`
    insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, step, role, status, content)
    select coalesce(m.id, gen_random_uuid()), t.session_id, t.owner_id, t.id, t.ordinal, m.position,
      case m.role when 'assistant' then 0 end, m.role, m.status, 'text'
    from turns t join (values
      (${my.questionId}::uuid, ${endedId}::uuid, 0, 'user', 'complete'),
      (null, ${endedId}, 1, 'assistant', 'complete'),
      (null, ${my.running.turnId}, 0, 'user', 'complete'),
      (${my.messageId}, ${my.running.turnId}, 1, 'assistant', 'streaming'),
      (null, ${my.queuedId}, 0, 'user', 'complete'),
      (null, ${idleTurnId}, 0, 'user', 'complete'),
      (null, ${idleTurnId}, 1, 'assistant', 'complete')
    ) m (id, turn_id, position, role, status) on m.turn_id = t.id`;
  return my;
}
