import { randomUUID } from "node:crypto";
import * as store from "@boocode/store";
import { expect, test } from "vitest";
import { newPlace, newUser, useStore } from "./fixture.ts";

const fixture = useStore();
const pool = () => fixture.pool;

async function newToken(userId: string): Promise<string> {
  const id = randomUUID();
  await pool()`insert into api_tokens (id, user_id, token_hash) values (${id}, ${userId}, ${Buffer.from(id)})`;
  return id;
}

/** @returns whose access ended while `act` ran */
async function endedBy(act: () => Promise<unknown>): Promise<string[] | null> {
  const { mark } = await store.readEndedAccess(pool(), null);
  await act();
  return (await store.readEndedAccess(pool(), mark)).userIds?.sort() ?? null;
}

test("whatever ends a user's access or changes the user's limits is read once, and nothing else is", async () => {
  const place = await newPlace(pool());
  const [member, other] = [await newUser(pool()), await newUser(pool())];
  const owner = { userId: place.ownerId, tokenId: null };
  const [tokenId, second] = [await newToken(member), await newToken(member)];
  for (const name of [member, other]) await store.setMember(pool(), owner, place.projectId, { name, role: "member" });
  const by = (act: () => Promise<unknown>) => endedBy(act);
  expect(await by(() => store.recordTokenUses(pool(), [{ tokenId, agoMs: 0 }]))).toEqual([]);
  expect(await by(() => store.renameProject(pool(), place.ownerId, place.projectId, "renamed"))).toEqual([]);
  expect(await by(() => store.revokeToken(pool(), "operator", { tokenId, userId: member }))).toEqual([member]);
  expect(await by(() => pool()`delete from api_tokens where id = ${second}`)).toEqual([member]);
  expect(await by(() => store.removeMember(pool(), owner, place.projectId, member))).toEqual([member]);
  for (const change of [{ limits: { sockets: 1 } }, { limits: { sockets: 2 } }, { limits: null }, { role: "admin" }]) {
    expect(await by(() => store.changeUser(pool(), "operator", other, change as never))).toEqual([other]);
  }
  expect(await by(() => store.changeUser(pool(), "operator", other, { limits: null }))).toEqual([]);
  expect(await by(() => pool()`update users set disabled_at = now() where id = ${member}`)).toEqual([member]);
  expect(await by(() => store.deleteProject(pool(), place.ownerId, place.projectId))).toEqual(
    [place.ownerId, other].sort(),
  );
  expect(await by(async () => {})).toEqual([]);
});

test("what a transaction ended that began before a look and commits after it is read by the next one", async () => {
  const [late, early] = [await newUser(pool()), await newUser(pool())];
  const end = (sql: store.Sql, id: string) => sql`update users set disabled_at = now() where id = ${id}`;
  let mark: string | null = null;
  await pool().begin(async (sql) => {
    await end(sql, late);
    await end(pool(), early);
    ({ mark } = await store.readEndedAccess(pool(), null));
  });
  expect((await store.readEndedAccess(pool(), mark)).userIds).toEqual([late]);
});

test("without a mark, or with that of another server, it may be every user; and old rows are removed", async () => {
  const { mark } = await store.readEndedAccess(pool(), null);
  expect((await store.readEndedAccess(pool(), null)).userIds).toBeNull();
  expect((await store.readEndedAccess(pool(), `1${mark}`)).userIds).toBeNull();
  await fixture.owner`update ended_access set at = now() - interval '2 hours'`;
  const id = await newUser(pool());
  await pool()`update users set disabled_at = now() where id = ${id}`;
  expect(await pool()`select user_id from ended_access`).toEqual([{ user_id: id }]);
});
