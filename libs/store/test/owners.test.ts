import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import * as store from "@boocode/store";
import { beforeAll, expect, test } from "vitest";
import { dump, newPlace, newUser, type Place, projectsOf, question, running, sessionsOf, useStore } from "./fixture.ts";

const fixture = useStore();

let place: Place;
let turnId: string;
let messageId: string;
let stranger: string;
let tokenId: string;

beforeAll(async () => {
  place = await newPlace(fixture.pool);
  const live = await running(fixture.pool, place);
  turnId = live.turn.id;
  messageId = live.messageId;
  await fixture.pool`update messages set citations = '[{"path": "a.ts"}]' where id = ${messageId}`;
  tokenId = randomUUID();
  await store.createToken(fixture.pool, { id: tokenId, userId: place.ownerId, tokenHash: Buffer.alloc(32) });
  stranger = (await newPlace(fixture.pool)).ownerId;
});

const share = (turn_id: string) => ({
  ...{ id: randomUUID(), sessionId: place.sessionId, tokenHash: Buffer.alloc(32), turn_id },
  ...{ audience: "signed_in" as const, expiresIn: 60 },
});

/** Every function that acts for a user, called with an id of another user's row. */
const ASKED: Record<string, (owner: string) => Promise<unknown>> = {
  findProject: (owner) => store.findProject(fixture.pool, owner, place.projectId),
  renameProject: (owner) => store.renameProject(fixture.pool, owner, place.projectId, "mine"),
  deleteProject: (owner) => store.deleteProject(fixture.pool, owner, place.projectId),
  findSession: (owner) => store.findSession(fixture.pool, owner, place.sessionId),
  createSession: (owner) =>
    store.createSession(fixture.pool, { id: randomUUID(), ownerId: owner, projectId: place.projectId }),
  changeSession: (owner) => store.changeSession(fixture.pool, owner, place.sessionId, { name: "mine" }),
  deleteSession: (owner) => store.deleteSession(fixture.pool, owner, place.sessionId),
  lockSession: (owner) => store.lockSession(fixture.pool, owner, place.sessionId),
  findTurn: (owner) => store.findTurn(fixture.pool, owner, place.sessionId, turnId),
  listMessages: (owner) => store.listMessages(fixture.pool, owner, place.sessionId, { limit: 10 }),
  findMessage: (owner) => store.findMessage(fixture.pool, owner, place.sessionId, messageId),
  readCitationShowings: (owner) =>
    store.readCitationShowings(fixture.pool, owner, { sessionId: place.sessionId, messageId, index: 0 }),
  openSessionExport: (owner) => store.openSessionExport(fixture.pool, owner, place.sessionId),
  listLiveTurns: (owner) => store.listLiveTurns(fixture.pool, owner, place.sessionId),
  cancelTurn: (owner) => store.cancelTurn(fixture.pool, owner, place.sessionId),
  withdrawTurn: (owner) => store.withdrawTurn(fixture.pool, owner, place.sessionId, turnId),
  listMembers: (owner) => store.listMembers(fixture.pool, owner, place.projectId),
  setMember: (owner) =>
    store.setMember(fixture.pool, { userId: owner, tokenId: null }, place.projectId, {
      name: stranger,
      role: "reader",
    }),
  removeMember: (owner) => store.removeMember(fixture.pool, { userId: owner, tokenId: null }, place.projectId, owner),
  revokeToken: (owner) => store.revokeToken(fixture.pool, "operator", { tokenId, userId: owner }),
  createShare: (owner) => store.createShare(fixture.pool, { userId: owner, tokenId: null }, share(turnId)),
  listShares: (owner) => store.listShares(fixture.pool, owner, place.sessionId),
  deleteMessagesFrom: (owner) => store.deleteMessagesFrom(fixture.pool, owner, place.sessionId, messageId),
};

/** The other functions that name a user: tested below, or never called with an id that a user supplies. */
const OTHERS = [
  "exportUser",
  ...["postMessage", "regenerateAnswer", "editQuestion", "forkSession"],
  // Shares of the caller, and those that a link names: shares.test.ts.
  ...["listOwnShares", "revokeShare", "readShare"],
  ...["listAllSessions", "searchProjects", "searchTexts"],
  ...["listProjects", "listSessions", "readCounts", "readUsage", "nameSession", "readForNaming"],
  ...["createProject", "once", "recordAudit", "createToken", "revokeTokens", "raiseUserVersion", "readListParts"],
  // The caller's own tokens, and what administrators and the operator do to any user: accounts.test.ts and grants.test.ts.
  ...["listTokens", "createTokenAs", "changeUser", "deleteUser", "revokeToken", "revokeAllTokens"],
  "findUnreadable",
  ...["findEndedCredentials", "readCredentials", "findUserByIdentity", "createUserForIdentity", "linkIdentity"],
  ...["findFolderHolder", "listGrants", "createGrant", "deleteGrant"],
];

test("every function that names a user is in this test", () => {
  const naming = Object.entries(store).flatMap(([name, value]) =>
    typeof value === "function" && /\b(ownerId|userId)\b/.test(String(value)) ? [name] : [],
  );
  expect(naming.filter((name) => !(name in ASKED) && !OTHERS.includes(name))).toEqual([]);
});

test.each(Object.entries(ASKED))(
  "%s returns null for what another user owns, and changes nothing",
  async (_name, ask) => {
    const before = await dump(fixture.pool);
    expect(await ask(stranger)).toBeNull();
    expect(await ask(randomUUID())).toBeNull();
    expect(await dump(fixture.pool)).toEqual(before);
  },
);

test("posting, regenerating and cancelling do not find another user's session", async () => {
  const before = await dump(fixture.pool);
  const theirs = { ...question(place), ownerId: stranger };
  expect(await store.postMessage(fixture.pool, { ...theirs, when_busy: "interrupt" }, null)).toEqual({
    kind: "not_found",
  });
  expect(await store.regenerateAnswer(fixture.pool, theirs, null)).toEqual({ kind: "not_found" });
  expect(await store.editQuestion(fixture.pool, theirs, null)).toEqual({ kind: "not_found" });
  const fork = { ...theirs, id: randomUUID(), turn_id: turnId };
  expect(await store.forkSession(fixture.pool, fork, null)).toEqual({ kind: "not_found" });
  const ofStranger = { sessionIds: [place.sessionId], askerId: stranger, reason: "user" as const };
  expect(await store.cancelTurnsOfSessions(fixture.pool, ofStranger)).toEqual({ cancelling: [], withdrawn: [] });
  expect(await dump(fixture.pool)).toEqual(before);
});

test("lists contain nothing of another user", async () => {
  const nobody = await newUser(fixture.pool);
  expect(await projectsOf(fixture.pool, nobody)).toEqual([]);
  expect(await sessionsOf(fixture.pool, nobody, place.projectId)).toEqual([]);
  expect(new Set(Object.values(await store.readCounts(fixture.pool, nobody)))).toEqual(new Set([0]));
  expect(await store.readCounts(fixture.pool, place.ownerId)).toMatchObject({ turns_running: 1, sessions: 1 });
});

test("only access.ts compares an owner", () => {
  const src = new URL("../src/", import.meta.url);
  const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  const comparing = files.flatMap((file) =>
    readFileSync(new URL(file, src), "utf8")
      .split("\n")
      .filter((line) => /owner_id\s*(=|<>|in\b)\s*\S*\$\{/.test(line))
      .map((line) => `${file}: ${line.trim()}`),
  );
  expect(comparing.filter((line) => !line.startsWith("access.ts: "))).toEqual([]);
});

test("every audit event is recorded in the transaction that causes it", () => {
  const src = new URL("../src/", import.meta.url);
  const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  const calls = files.flatMap((file) =>
    [...readFileSync(new URL(file, src), "utf8").matchAll(/(?<!function )recordAudit\((\w+)/g)].map(([, into]) => into),
  );
  // Transactions are named `sql`, pools are not.
  expect([calls.length > 10, [...new Set(calls)]]).toEqual([true, ["sql"]]);
});
