import { randomUUID } from "node:crypto";
import * as store from "@boocode/store";
import { beforeAll, expect, test } from "vitest";
import { cancelled, claim, newPlace, newUser, type Place, post, turnRow, untilBlocked, useStore } from "./fixture.ts";

const fixture = useStore();

let place: Place;
const grant = async (path: string, userId = place.ownerId) => {
  const created = await store.createGrant(fixture.pool, { userId, path, by: "operator" });
  if (typeof created === "string") throw new Error(created);
  return created;
};
const revoke = (grantId: string, ownFolders: string[] = []) =>
  store.deleteGrant(fixture.pool, { userId: place.ownerId, grantId, ownFolders, by: "operator" });
const status = async (turnId: string) => (await turnRow(fixture.pool, turnId)).status;

beforeAll(async () => {
  place = await newPlace(fixture.pool);
});

/** A running turn with a waiting one behind it, on a project at `/tmp/code`. */
async function busy() {
  const running = await claim(fixture.pool, (await post(fixture.pool, place)).turnId);
  const waiting = await post(fixture.pool, place);
  return {
    running: running.turnId,
    waiting: waiting.turnId,
    end: async () => {
      await fixture.pool`update turns set status = 'cancelled' where id in (${running.turnId}, ${waiting.turnId})`;
    },
  };
}

test("taking a grant back cancels the running turn, withdraws the waiting one, and announces both", async () => {
  const granted = await grant("/tmp");
  const turns = await busy();
  const deleted = await revoke(granted.id);
  expect(deleted?.path).toBe("/tmp");
  expect(cancelled(deleted)).toEqual({ cancelling: [turns.running], withdrawn: [turns.waiting] });
  expect([await status(turns.running), await status(turns.waiting)]).toEqual(["cancelling", "cancelled"]);
  const reasons = await fixture.pool`
    select distinct cancel_reason from turns where id in (${turns.running}, ${turns.waiting})`;
  expect(reasons).toEqual([{ cancel_reason: "access_revoked" }]);
  expect(deleted?.changes.map((change) => change.kind)).toEqual(["turn_cancelling", "structure", "list"]);
  expect(await revoke(granted.id)).toBeNull();
  await turns.end();
});

test.each([
  ["an equal grant that another command made", ["/tmp/code"], []],
  ["a grant above", ["/"], []],
  ["the user's own folder", [], ["/tmp"]],
])("turns go on under %s", async (_name, others, ownFolders) => {
  const granted = await grant("/tmp/code");
  const kept = [];
  for (const path of others) {
    const [row] = await fixture.pool<{ id: string }[]>`
      insert into grants (user_id, path) values (${place.ownerId}, ${path}) returning id`;
    if (row) kept.push(row.id);
  }
  const turns = await busy();
  expect((await revoke(granted.id, ownFolders))?.changes).toEqual([]);
  expect(await status(turns.running)).toBe("running");
  await turns.end();
  for (const id of kept) await revoke(id);
});

test.each(["/tmp/code/deeper", "/tmp/cod", "/tmp/code2", "/other"])(
  "taking back %s leaves the turns on another folder alone",
  async (path) => {
    const granted = await grant(path);
    const turns = await busy();
    expect((await revoke(granted.id))?.changes).toEqual([]);
    await turns.end();
  },
);

test("a turn that is posted and claimed while a grant is taken back is cancelled too", async () => {
  const granted = await grant("/tmp");
  const { pool } = fixture;
  const before = await busy();
  let late = "";
  let revoking: ReturnType<typeof revoke> = Promise.resolve(null);
  await pool.begin(async (sql) => {
    // Holds the revocation between its delete and its end, at the session's row.
    await sql`select from sessions where id = ${place.sessionId} for no key update`;
    revoking = revoke(granted.id);
    await untilBlocked(pool);
    const elsewhere = randomUUID();
    await store.createSession(pool, { id: elsewhere, ownerId: place.ownerId, projectId: place.projectId });
    late = (await claim(pool, (await post(pool, { ...place, sessionId: elsewhere })).turnId)).turnId;
  });
  expect(cancelled(await revoking).cancelling.sort()).toEqual([before.running, late].sort());
  await before.end();
});

test("the turns of members on a shared project end with the grant of its owner", async () => {
  const granted = await grant("/tmp");
  const memberId = await newUser(fixture.pool);
  await fixture.pool`
    insert into project_members (project_id, user_id, role) values (${place.projectId}, ${memberId}, 'member')`;
  const sessionId = randomUUID();
  await store.createSession(fixture.pool, { id: sessionId, ownerId: memberId, projectId: place.projectId });
  const { turnId } = await claim(
    fixture.pool,
    (await post(fixture.pool, { ownerId: memberId, projectId: place.projectId, sessionId })).turnId,
  );
  // The member has a grant, and it is the owner's that counts.
  await grant("/tmp", memberId);
  expect(cancelled(await revoke(granted.id)).cancelling).toEqual([turnId]);
});

test("a user's grant that is taken back ends no turn of another user on the same folder, nor is it found below another user", async () => {
  const granted = await grant("/tmp");
  const other = await newPlace(fixture.pool);
  await grant("/tmp", other.ownerId);
  const { turnId } = await claim(fixture.pool, (await post(fixture.pool, other)).turnId);
  const asked = { userId: other.ownerId, grantId: granted.id, ownFolders: [], by: "operator" as const };
  expect(await store.deleteGrant(fixture.pool, asked)).toBeNull();
  await revoke(granted.id);
  expect(await status(turnId)).toBe("running");
});

test("a claim reads the grants of the project's owner anew each time", async () => {
  const other = await newPlace(fixture.pool);
  const { turnId } = await post(fixture.pool, other);
  const turn = await claim(fixture.pool, turnId);
  expect(turn.setting?.owner.grants).toEqual([]);
  await store.releaseTurn(fixture.pool, { turnId, attempt: turn.attempt });
  await grant("/tmp", other.ownerId);
  expect((await claim(fixture.pool, turnId)).setting?.owner.grants).toEqual(["/tmp"]);
});

test("concurrent grants of one folder are one grant, also of a path that is longer than an index entry", async () => {
  const path = `/${"long/".repeat(800)}x`;
  const grants = await Promise.all(Array.from({ length: 5 }, () => grant(path)));
  expect(new Set(grants.map(({ id }) => id)).size).toBe(1);
  expect((await store.listGrants(fixture.pool, place.ownerId))?.filter((each) => each.path === path)).toHaveLength(1);
});

test("grants and their revocations are in the audit log, once each", async () => {
  const userId = await newUser(fixture.pool);
  const by = { userId: place.ownerId, tokenId: null };
  const { pool } = fixture;
  for (let i = 0; i < 2; i++) await store.createGrant(pool, { userId, path: "/audited", by });
  const [granted] = (await store.listGrants(pool, userId)) ?? [];
  await store.deleteGrant(pool, { userId, grantId: granted?.id ?? "", ownFolders: [], by });
  const { events } = await store.listAudit(pool, { user_id: userId, limit: 10 });
  expect(events.map(({ event, actor_id, detail }) => [event, actor_id, detail])).toEqual([
    ["grant.revoked", place.ownerId, { path: "/audited" }],
    ["grant.added", place.ownerId, { path: "/audited" }],
  ]);
});
