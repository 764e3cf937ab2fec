import { createHash, randomUUID } from "node:crypto";
import * as store from "@boocode/store";
import { expect, test } from "vitest";
import { claim, dump, newPlace, newUser, post, question, untilBlocked, useStore } from "./fixture.ts";

const fixture = useStore({ connections: 20 });

const limited = (limits: Partial<Record<string, number>>) => ({ limits: limits as never });

/** Runs `act` while another transaction holds what `lock` locks, and lets go once `act` waits for it. */
async function whileLocked<T>(lock: (sql: store.Sql) => Promise<unknown>, act: () => Promise<T>): Promise<T> {
  let acting = Promise.resolve() as Promise<unknown>;
  await fixture.pool.begin(async (sql) => {
    await lock(sql);
    acting = act().catch((error: unknown) => error);
    await untilBlocked(fixture.pool);
  });
  return (await acting) as T;
}

test("a post that waited for the deletion of its session finds none", async () => {
  const place = await newPlace(fixture.pool);
  const outcome = await whileLocked(
    (sql) => sql`update sessions set deleted_at = now() where id = ${place.sessionId}`,
    () => store.postMessage(fixture.pool, question(place), null),
  );
  expect(outcome).toEqual({ kind: "not_found" });
});

test("posts against the deletion of their session leave no live turn in it", async () => {
  for (let round = 0; round < 20; round++) {
    const place = await newPlace(fixture.pool);
    const all = [1, 2, 3].map(() => store.postMessage(fixture.pool, question(place), null));
    await Promise.all([...all, store.deleteSession(fixture.pool, place.ownerId, place.sessionId)]);
    const live = await fixture.pool`
      select from turns where session_id = ${place.sessionId} and status in ('queued', 'running')`;
    expect(live).toHaveLength(0);
  }
});

test("a post that waited while its asker lost the role is refused as one without it", async () => {
  const place = await newPlace(fixture.pool);
  const member = await newUser(fixture.pool);
  const owner = { userId: place.ownerId, tokenId: null };
  await store.setMember(fixture.pool, owner, place.projectId, { name: member, role: "member" });
  const asked = () => store.postMessage(fixture.pool, { ...question(place), ownerId: member }, null);
  const changed = (sql: store.Sql) => sql`update project_members set role = 'reader' where user_id = ${member}`;
  expect(await whileLocked(changed, asked)).toBeInstanceOf(store.Forbidden);
  const removed = (sql: store.Sql) => sql`delete from project_members where user_id = ${member}`;
  expect(await whileLocked(removed, asked)).toEqual({ kind: "not_found" });
});

test("a disabled user, a revoked token and an expired one post nothing, although the request was authenticated", async () => {
  const { pool } = fixture;
  const place = await newPlace(pool);
  const tokenOf = async (more: object = {}) => {
    const id = randomUUID();
    const tokenHash = createHash("sha256").update(id).digest();
    await store.createToken(pool, { id, userId: place.ownerId, tokenHash, ...more });
    return id;
  };
  const [good, revoked, expired] = [await tokenOf(), await tokenOf(), await tokenOf({ expiresAt: new Date(0) })];
  await store.revokeToken(pool, "operator", { tokenId: revoked, userId: place.ownerId });
  const ask = (tokenId: string | null) => store.postMessage(pool, { ...question(place), tokenId }, null);
  const before = await dump(pool);
  for (const tokenId of [revoked, expired, randomUUID()])
    expect(await ask(tokenId)).toEqual({ kind: "unauthenticated" });
  expect(await dump(pool)).toEqual(before);
  expect(await ask(good)).toMatchObject({ kind: "posted" });
  expect(await ask(null)).toMatchObject({ kind: "posted" });
  await store.changeUser(pool, "operator", place.ownerId, { disabled: true });
  for (const tokenId of [good, null]) expect(await ask(tokenId)).toEqual({ kind: "unauthenticated" });
  const again = { ...place, turnId: randomUUID() };
  expect(await store.regenerateAnswer(pool, again, null)).toEqual({ kind: "unauthenticated" });
});

test("a post that waited for another one's lock of the limits counts its turn", async () => {
  const [place, other] = [await newPlace(fixture.pool), await newPlace(fixture.pool)];
  const outcome = await whileLocked(
    async (sql) => {
      await sql`select pg_advisory_xact_lock(hashtextextended(${`limits ${place.ownerId}`}, 0))`;
      await sql`insert into turns (id, session_id, owner_id, ordinal) values (${randomUUID()}, ${other.sessionId}, ${place.ownerId}, 1)`;
    },
    () => store.postMessage(fixture.pool, { ...question(place), ...limited({ turns_waiting: 1 }) }, null),
  );
  expect(outcome).toMatchObject({ exceeded: { limit: "turns_waiting", most: 1, used: 1 } });
});

test("a post that waited for another one with its key is answered the same, or refused when the bodies differ", async () => {
  const place = await newPlace(fixture.pool);
  const answer = { kind: "posted", turnId: randomUUID(), message: {}, version: 7 };
  const hash = (body: string) => createHash("sha256").update(body).digest();
  for (const [key, body] of [
    ["same", "body"],
    ["other", "another body"],
  ] as const) {
    const outcome = await whileLocked(
      async (sql) => {
        await sql`select pg_advisory_xact_lock(hashtextextended(${`${place.ownerId} ${key}`}, 0))`;
        await sql`insert into idempotency_keys (user_id, key, request_hash, answer)
          values (${place.ownerId}, ${key}, ${hash("body")}, ${sql.json(answer)})`;
      },
      () => store.postMessage(fixture.pool, question(place), { userId: place.ownerId, key, requestHash: hash(body) }),
    );
    if (key === "same") expect(outcome).toEqual({ ...answer, changes: [] });
    else expect(outcome).toBeInstanceOf(store.IdempotencyKeyReused);
  }
});

test("an interrupt cancels turns of others for the owner only, and cancels nothing when it is refused", async () => {
  const { pool } = fixture;
  const place = await newPlace(pool);
  const member = await newUser(pool);
  const owner = { userId: place.ownerId, tokenId: null };
  await store.setMember(pool, owner, place.projectId, { name: member, role: "member" });
  const asMember = { ...place, ownerId: member };
  const interrupt = (asker: typeof place, more: object = {}) =>
    store.postMessage(pool, { ...question(asker), when_busy: "interrupt", ...more }, null);

  const own = await post(pool, asMember);
  await claim(pool, own.turnId);
  expect(await interrupt(asMember)).toMatchObject({ kind: "posted" });
  await post(pool, place);
  const before = await dump(pool);
  await expect(interrupt(asMember)).rejects.toThrow(store.Forbidden);
  // At its limit the owner may not ask, so that the others' turns go on.
  await expect(interrupt(place, limited({ turns_waiting: 0 }))).rejects.toThrow(store.QuotaExceeded);
  expect(await dump(pool)).toEqual(before);
  expect(await interrupt(place)).toMatchObject({ kind: "posted" });
});

test("an interrupt makes room for itself: its own waiting turns count no longer", async () => {
  const place = await newPlace(fixture.pool);
  const atMost = (most: number) => ({ ...question(place), ...limited({ turns_waiting: most }) });
  expect(await store.postMessage(fixture.pool, atMost(1), null)).toMatchObject({ kind: "posted" });
  await expect(store.postMessage(fixture.pool, atMost(1), null)).rejects.toThrow(store.QuotaExceeded);
  const interrupt = { ...atMost(1), when_busy: "interrupt" as const };
  expect(await store.postMessage(fixture.pool, interrupt, null)).toMatchObject({ kind: "posted" });
});

test("a session's model has to be among those that were checked, unless it names none", async () => {
  const place = await newPlace(fixture.pool);
  const ask = (checkedModels?: string[]) =>
    store.postMessage(fixture.pool, { ...question(place), ...(checkedModels && { checkedModels }) }, null);
  expect(await ask([])).toMatchObject({ kind: "posted" });
  await store.changeSession(fixture.pool, place.ownerId, place.sessionId, { model: "m" });
  const before = await dump(fixture.pool);
  for (const checked of [[], ["n"]]) expect(await ask(checked)).toEqual({ kind: "model_unchecked", model: "m" });
  expect(await dump(fixture.pool)).toEqual(before);
  for (const checked of [["n", "m"], undefined]) expect(await ask(checked)).toMatchObject({ kind: "posted" });
});

test("a post that loses a deadlock is made again", async () => {
  const place = await newPlace(fixture.pool);
  const key = { userId: place.ownerId, key: "k", requestHash: Buffer.alloc(32) };
  let posting: Promise<store.PostOutcome> | undefined;
  // The other order than that of a post, which waits first and so is the one that Postgres aborts.
  const other = fixture.pool.begin(async (sql) => {
    await sql`select from sessions where id = ${place.sessionId} for no key update`;
    posting ??= store.postMessage(fixture.pool, question(place), key);
    await untilBlocked(fixture.pool);
    await sql`select pg_advisory_xact_lock(hashtextextended(${`${place.ownerId} k`}, 0))`;
  });
  await other;
  expect(await posting).toMatchObject({ kind: "posted", message: { turn_ordinal: 1 } });
});
