import { randomBytes, randomUUID } from "node:crypto";
import type { Citation, SharedSession } from "@boocode/contracts";
import * as store from "@boocode/store";
import { beforeEach, expect, test } from "vitest";
import {
  dump,
  newPlace,
  newSession,
  newUser,
  type Place,
  post,
  question,
  reply,
  running,
  untilBlocked,
  useStore,
} from "./fixture.ts";
import { toolMessage } from "./older-attempts.ts";

const fixture = useStore({ connections: 12 });

const CITATION: Citation = { start: 0, end: 6, path: "a.ts", first: 1, last: 1, level: "shown" };

/** A turn with a call of a tool and an answer that cites. */
async function answered(place: Place, content: string) {
  const { turn, messageId, questionId } = await running(fixture.pool, place);
  const calls = [{ id: "c", name: "grep", arguments: { pattern: "hidden argument" } }];
  const first = { ...reply(messageId, "let me see"), reasoning: "hidden thought", toolCalls: calls };
  const tools = [{ ...toolMessage(2), content: "hidden output" }];
  await store.commitStep(fixture.pool, turn, { reply: first, step: 0, tools, lastSeq: 5 });
  const last = { id: randomUUID(), position: 3, step: 1, model: "m", lastSeq: 6 };
  await store.startMessage(fixture.pool, turn, last);
  const end = { reply: { ...reply(last.id, content), citations: [CITATION] }, lastSeq: 9 };
  await store.endTurn(fixture.pool, turn, { end: { status: "complete" }, ...end });
  return { turnId: turn.id, questionId, answerId: last.id };
}

let place: Place;
let turnId: string;
let reader: string;
beforeEach(async () => {
  place = await newPlace(fixture.pool);
  reader = await newUser(fixture.pool);
  ({ turnId } = await answered(place, "shared answer"));
});

const as = (userId: string) => ({ userId, tokenId: null });
const member = async (role: "member" | "reader" = "member") => {
  const name = await newUser(fixture.pool);
  await store.setMember(fixture.pool, as(place.ownerId), place.projectId, { name, role });
  return name;
};

type More = Partial<Parameters<typeof store.createShare>[2]>;
async function share(more: More = {}, by = place.ownerId) {
  const tokenHash = randomBytes(32);
  const wanted = { id: randomUUID(), sessionId: place.sessionId, tokenHash, turn_id: turnId };
  const created = await store.createShare(fixture.pool, as(by), {
    ...{ ...wanted, audience: "signed_in", expiresIn: 600 },
    ...more,
  });
  if (created === null || typeof created === "string") return expect.fail(String(created));
  return { ...created, tokenHash };
}

const read = (tokenHash: Buffer, by: string | null = reader, page = { limit: 100 }) =>
  store.readShare(fixture.pool, by, tokenHash, page);
const shown = (shared: SharedSession | null) => shared?.messages.map(({ role, content }) => [role, content]);

test("a share shows strangers questions, answers and citations up to its turn, and nothing that tools or the model read", async () => {
  const { tokenHash, through_turn } = await share();
  expect(through_turn).toBe(1);
  await answered(place, "later");
  const shared = await read(tokenHash);
  expect(shown(shared)).toEqual([
    ["user", "why?"],
    ["assistant", "let me see"],
    ["assistant", "shared answer"],
  ]);
  expect(shared).toMatchObject({ owner: place.ownerId, session_id: null, has_more: false });
  expect(shared?.messages.at(-1)).toMatchObject({ citations: [CITATION], author: null });
  expect(shared?.messages[0]?.author).toBe(place.ownerId);
  expect(JSON.stringify(shared)).not.toMatch(/hidden|later/);
  // Those who may read the project see all of it.
  const whole = await read(tokenHash, await member("reader"));
  expect(whole).toMatchObject({ session_id: place.sessionId });
  expect(JSON.stringify(whole)).toMatch(/hidden argument.*hidden output/);
  expect(JSON.stringify(whole)).toContain("hidden thought");
  expect(JSON.stringify(whole)).not.toContain("later");
});

test("only a share with anyone is shown to those who are not signed in, and without names", async () => {
  const { tokenHash } = await share();
  expect(await read(tokenHash, null)).toBeNull();
  const open = await share({ audience: "anyone" });
  const shared = await read(open.tokenHash, null);
  expect(shown(shared)).toHaveLength(3);
  expect(JSON.stringify(shared)).not.toContain(place.ownerId);
});

test("what is deleted, edited or asked again disappears from a share, and nothing takes its place", async () => {
  const second = await answered(place, "second");
  const { tokenHash } = await share({ turn_id: second.turnId });
  expect(shown(await read(tokenHash))).toHaveLength(6);
  await store.editQuestion(fixture.pool, { ...question(place, "edited"), message_id: second.questionId }, null);
  expect(shown(await read(tokenHash))).toHaveLength(3);
  await store.cancelTurn(fixture.pool, place.ownerId, place.sessionId);
  await store.deleteMessagesFrom(
    ...([fixture.pool, place.ownerId, place.sessionId] as const),
    (await read(tokenHash))?.messages[1]?.id as string,
  );
  expect(shown(await read(tokenHash))).toEqual([["user", "why?"]]);
});

test("a share has pages like the session", async () => {
  await answered(place, "second");
  const last = await answered(place, "third");
  const { tokenHash } = await share({ turn_id: last.turnId });
  const newest = await read(tokenHash, reader, { limit: 4 });
  expect([shown(newest)?.at(-1)?.[1], newest?.has_more, newest?.next_before]).toEqual(["third", true, "3.0"]);
  const before = { turn_ordinal: 3, position: 0 };
  const rest = await store.readShare(fixture.pool, reader, tokenHash, { limit: 10, before });
  expect(rest).toMatchObject({ has_more: false, next_before: null });
  expect(rest?.messages).toHaveLength(6);
});

const ENDS: Record<string, (sharer: string, made: { id: string }) => Promise<unknown>> = {
  "its user revokes it": (sharer, { id }) => store.revokeShare(fixture.pool, as(sharer), place.sessionId, id),
  "the project's owner revokes it": (_, { id }) =>
    store.revokeShare(fixture.pool, as(place.ownerId), place.sessionId, id),
  "it expires": (_, { id }) => fixture.owner`update shares set expires_at = now() where id = ${id}`,
  "its session is deleted": () => store.deleteSession(fixture.pool, place.ownerId, place.sessionId),
  "its project is deleted": () => store.deleteProject(fixture.pool, place.ownerId, place.projectId),
  "its user is removed from the project": (sharer) =>
    store.removeMember(fixture.pool, as(place.ownerId), place.projectId, sharer),
  "its user is disabled": (sharer) => store.changeUser(fixture.pool, "operator", sharer, { disabled: true }),
  "its user is deleted": (sharer) => store.deleteUser(fixture.pool, "operator", sharer),
};

test.each(Object.entries(ENDS))("a share ends for good when %s", async (_when, end) => {
  const sharer = await member();
  place = { ...place, sessionId: randomUUID() };
  const created = { id: place.sessionId, ownerId: sharer, projectId: place.projectId };
  await store.createSession(fixture.pool, created);
  ({ turnId } = await answered({ ...place, ownerId: sharer }, "theirs"));
  const made = await share({}, sharer);
  expect(await read(made.tokenHash)).not.toBeNull();
  await end(sharer, made);
  for (const who of [reader, place.ownerId, null]) expect(await read(made.tokenHash, who)).toBeNull();
  expect(await store.listOwnShares(fixture.pool, sharer)).toEqual([]);
  // An access that comes back brings no share back.
  await store.changeUser(fixture.pool, "operator", sharer, { disabled: false });
  await store.setMember(fixture.pool, as(place.ownerId), place.projectId, { name: sharer, role: "member" });
  expect(await read(made.tokenHash)).toBeNull();
});

test("one's own shares are listed, and the project's owner sees and revokes those of others, which a member does not", async () => {
  const sharer = await member();
  const [mine, other] = [await share(), await member()];
  const id = randomUUID();
  await store.createSession(fixture.pool, { id, ownerId: sharer, projectId: place.projectId });
  const theirs = await answered({ ...place, ownerId: sharer, sessionId: id }, "theirs");
  const made = await share({ sessionId: id, turn_id: theirs.turnId }, sharer);
  const list = async (userId: string, session: string) =>
    (await store.listShares(fixture.pool, userId, session))?.map((each) => each.id);
  expect(await list(place.ownerId, id)).toEqual([made.id]);
  expect([await list(sharer, id), await list(other, id)]).toEqual([[made.id], []]);
  expect((await store.listOwnShares(fixture.pool, place.ownerId)).map((each) => each.id)).toEqual([mine.id]);
  await expect(store.revokeShare(fixture.pool, as(other), id, made.id)).rejects.toThrow(store.Forbidden);
  // The id of another session's share is that of none.
  expect(await store.revokeShare(fixture.pool, as(place.ownerId), place.sessionId, made.id)).toBe(false);
  expect(await store.revokeShare(fixture.pool, as(place.ownerId), id, made.id)).toBe(true);
  expect(await store.revokeShare(fixture.pool, as(place.ownerId), id, made.id)).toBe(false);
  const events = await fixture.pool`
    select event, actor_id, user_id, detail->>'share_id' as share from audit_events where detail ? 'share_id' and project_id = ${place.projectId}
    order by id`;
  expect([...events]).toEqual([
    { event: "share.created", actor_id: place.ownerId, user_id: place.ownerId, share: mine.id },
    { event: "share.created", actor_id: sharer, user_id: sharer, share: made.id },
    { event: "share.revoked", actor_id: place.ownerId, user_id: sharer, share: made.id },
  ]);
});

test("only a turn that has ended is shared, and of shares at the limit's edge as many are made as there is room for", async () => {
  const waiting = await post(fixture.pool, place);
  const before = await dump(fixture.pool);
  const wanted = { id: randomUUID(), sessionId: place.sessionId, tokenHash: randomBytes(32), expiresIn: 60 };
  const ask = (turn_id: string) =>
    store.createShare(fixture.pool, as(place.ownerId), { ...wanted, turn_id, audience: "signed_in" });
  expect([await ask(waiting.turnId), await ask(randomUUID())]).toEqual(["turn_not_finished", null]);
  expect(await dump(fixture.pool)).toEqual(before);
  await share();
  // In sessions of their own, because shares of one session wait for its lock.
  const sessions = [];
  for (let n = 0; n < 6; n++) {
    const sessionId = await newSession(fixture.pool, place.ownerId, place.projectId);
    sessions.push({ sessionId, turn_id: (await answered({ ...place, sessionId }, "more")).turnId });
  }
  const all = await Promise.allSettled(sessions.map((more) => share({ ...more, most: 3 })));
  expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(2);
  expect((await store.readCounts(fixture.pool, place.ownerId)).shares).toBe(3);
});

test("a share that is made while its user loses access ends with it", async () => {
  const { pool } = fixture;
  const sharer = await member();
  const id = randomUUID();
  await store.createSession(pool, { id, ownerId: sharer, projectId: place.projectId });
  const { turnId: turn_id } = await answered({ ...place, ownerId: sharer, sessionId: id }, "theirs");
  for (const end of [
    (sql: store.Sql) => sql`update users set disabled_at = now() where id = ${sharer}`,
    (sql: store.Sql) => sql`delete from project_members where user_id = ${sharer}`,
  ]) {
    await pool`update users set disabled_at = null where id = ${sharer}`;
    const tokenHash = randomBytes(32);
    const wanted = { id: randomUUID(), sessionId: id, tokenHash, turn_id, audience: "anyone", expiresIn: 60 } as const;
    let making: Promise<unknown> = Promise.resolve();
    await pool.begin(async (sql) => {
      await end(sql);
      making = store.createShare(pool, as(sharer), wanted);
      await untilBlocked(pool);
    });
    expect(await making).toBeNull();
    expect(await pool`select from shares where token_hash = ${tokenHash}`).toHaveLength(0);
  }
});

test("ended shares are removed with the purge, and live ones with their session", async () => {
  const [revoked, expired, live] = [await share(), await share(), await share()];
  await store.revokeShare(fixture.pool, as(place.ownerId), place.sessionId, revoked.id);
  await fixture.owner`update shares set expires_at = now() - interval '1 minute' where id = ${expired.id}`;
  const left = async () =>
    (await fixture.pool<{ id: string }[]>`select id from shares where session_id = ${place.sessionId}`).map(
      ({ id }) => id,
    );
  const purge = async (afterMs: number) => {
    while ((await store.purgeBatch(fixture.pool, { afterMs, frameLogMs: 0 })) !== 0);
  };
  await purge(3_600_000);
  expect(await left()).toHaveLength(3);
  await purge(0);
  expect(await left()).toEqual([live.id]);
  await store.deleteSession(fixture.pool, place.ownerId, place.sessionId);
  await purge(0);
  expect(await left()).toEqual([]);
});
