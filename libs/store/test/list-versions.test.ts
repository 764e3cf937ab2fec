import * as store from "@boocode/store";
import { expect, test } from "vitest";
import { claim, newPlace, newUser, type Place, question, reply, useStore } from "./fixture.ts";

const fixture = useStore();
const pool = () => fixture.pool;
const OWNER = (place: Place) => ({ userId: place.ownerId, tokenId: null });

async function share(place: Place, users: string[], role: "reader" | "member" = "member"): Promise<void> {
  for (const name of users) await store.setMember(pool(), OWNER(place), place.projectId, { name, role });
}

/** The rows, in all tables, that the transactions of `act` have written. */
async function writtenBy(act: () => Promise<void>): Promise<Record<string, number>> {
  const written: Record<string, number> = {};
  const [before] = await pool()<[{ xid: string }]>`select pg_current_xact_id()::text as xid`;
  await act();
  for (const table of ["users", "projects", "project_members", "sessions", "turns", "messages"]) {
    const [row] = await pool()<[{ count: number }]>`
      select count(*) from ${pool()(table)} t where t.xmin::text::bigint > ${before.xid}::bigint`;
    written[table] = row.count;
  }
  return written;
}

test("a post and the end of its turn write the same rows and announce the same changes to 1 member and to 1,000", async () => {
  const costs = [];
  for (const members of [1, 1_000]) {
    const place = await newPlace(pool());
    const member = await newUser(pool());
    await share(place, [member]);
    await pool()`
      with added as (
        insert into users (id, name, slug)
        select id, id::text, 'm-' || id from (select gen_random_uuid() as id from generate_series(2, ${members}::int)) made
        returning id
      )
      insert into project_members (project_id, user_id, role) select ${place.projectId}, id, 'member' from added`;
    let changes: store.Change[] = [];
    const written = await writtenBy(async () => {
      const post = { ...question(place), ownerId: member };
      const posted = await store.postMessage(pool(), post, null);
      const turn = await claim(pool(), post.turnId);
      const messageId = turn.streaming_message_id as string;
      await store.startMessage(pool(), turn, { id: messageId, position: 1, step: 0, model: null, lastSeq: 1 });
      const end = { end: { status: "complete" as const }, reply: reply(messageId), lastSeq: 3 };
      const ended = await store.endTurn(pool(), turn, end);
      changes = [...("changes" in posted ? posted.changes : []), ...(typeof ended === "string" ? [] : ended.changes)];
    });
    costs.push({ written, changes: changes.map(({ kind }) => kind) });
  }
  expect(costs[1]).toEqual(costs[0]);
  expect(costs[0]?.written).toEqual({ users: 0, projects: 1, project_members: 0, sessions: 1, turns: 1, messages: 2 });
});

test("the parts of a user's lists are the user's own projects and shared ones, and no others", async () => {
  const [place, shared] = [await newPlace(pool()), await newPlace(pool())];
  await share(shared, [place.ownerId]);
  const { projects } = await store.readListParts(pool(), place.ownerId, 100);
  expect(projects.map(({ id }) => id).sort()).toEqual([place.projectId, shared.projectId].sort());
});

test("the version of a user's lists grows with each change that the user can see, and never falls", async () => {
  const place = await newPlace(pool());
  const bob = await newUser(pool());
  const read = async () => (await store.readListVersions(pool(), [bob])).get(bob)?.total ?? 0;
  const remove = () => store.removeMember(pool(), OWNER(place), place.projectId, bob);
  const rename = () => store.renameProject(pool(), place.ownerId, place.projectId, "new");
  let last = await read();
  for (const act of [() => share(place, [bob]), rename, rename, remove, () => share(place, [bob], "reader"), rename]) {
    await act();
    const now = await read();
    expect(now).toBeGreaterThan(last);
    last = now;
  }
  await remove();
  const left = await read();
  // A gateway that learns of the removal late has passed on changes of the project: none of their versions is the present one.
  expect(left).toBeGreaterThan(last + 1_000);
  await rename();
  expect(await read()).toBe(left);
  await share(place, [bob]);
  const shared = await read();
  await store.deleteProject(pool(), place.ownerId, place.projectId);
  expect(await read()).toBe(shared + 1);
  await store.emptyProject(pool(), place.projectId);
  await store.emptyProject(pool(), place.projectId);
  while ((await store.purgeBatch(pool(), { afterMs: 0, frameLogMs: 0 })) !== 0);
  expect(await pool()`select from projects where id = ${place.projectId}`).toHaveLength(0);
  expect(await read()).toBe(shared + 1);
});

test("followers who may not read their session are found in one look, also after the project was deleted", async () => {
  const place = await newPlace(pool());
  const [member, stranger] = [await newUser(pool()), await newUser(pool())];
  await share(place, [member], "reader");
  const followers = [place.ownerId, member, stranger].map((userId) => ({ userId, sessionId: place.sessionId }));
  const found = async () => (await store.findUnreadable(pool(), followers)).map(({ userId }) => userId);
  expect(await found()).toEqual([stranger]);
  await store.removeMember(pool(), OWNER(place), place.projectId, member);
  expect((await found()).sort()).toEqual([member, stranger].sort());
  await store.deleteProject(pool(), place.ownerId, place.projectId);
  expect(await found()).toHaveLength(3);
});
