import { randomBytes, randomUUID } from "node:crypto";
import { MAX_TOKENS } from "@boocode/contracts";
import * as store from "@boocode/store";
import { expect, test } from "vitest";
import { cancelled, claim, newPlace, post, projectsOf, question, turnRow, untilBlocked, useStore } from "./fixture.ts";

const fixture = useStore();

async function newUser(role: "user" | "admin" = "user") {
  const id = randomUUID();
  await store.createUser(fixture.pool, { id, name: id, role });
  const token = await store.createToken(fixture.pool, newToken(id));
  return { id, actor: { userId: id, tokenId: token.id } };
}

const newToken = (userId: string) => ({ id: randomUUID(), userId, tokenHash: randomBytes(32) });

const isAdmin = async (id: string) => {
  const user = await store.findUser(fixture.pool, id);
  return user?.role === "admin" && user.disabled_at === null;
};

/** Leaves these administrators only. */
async function onlyAdministrators(...ids: string[]) {
  await fixture.pool`update users set role = 'user' where id <> all(${ids}::uuid[])`;
}

test("of two administrators who demote, disable or delete each other at once, one remains", async () => {
  const demote = (actor: store.Actor, id: string) => store.changeUser(fixture.pool, actor, id, { role: "user" });
  const disable = (actor: store.Actor, id: string) => store.changeUser(fixture.pool, actor, id, { disabled: true });
  const remove = (actor: store.Actor, id: string) => store.deleteUser(fixture.pool, actor, id);
  for (const [first, second] of [
    [demote, demote],
    [disable, remove],
    [remove, demote],
    [disable, disable],
  ] as const) {
    const [ada, bob] = [await newUser("admin"), await newUser("admin")];
    await onlyAdministrators(ada.id, bob.id);
    const outcomes = await Promise.all([first(ada.actor, bob.id), second(bob.actor, ada.id)]);
    expect(
      outcomes.filter((outcome) => outcome === "no_administrator" || outcome === "last_administrator"),
    ).toHaveLength(1);
    expect([await isAdmin(ada.id), await isAdmin(bob.id)].filter(Boolean)).toHaveLength(1);
  }
});

test("the last administrator stays one, except for the operator", async () => {
  const [ada, bob] = [await newUser("admin"), await newUser("admin")];
  await onlyAdministrators(ada.id, bob.id);
  // A disabled administrator does not count.
  expect(await store.changeUser(fixture.pool, ada.actor, bob.id, { disabled: true })).toMatchObject({
    user: { id: bob.id },
  });
  for (const change of [{ role: "user" as const }, { disabled: true }]) {
    expect(await store.changeUser(fixture.pool, ada.actor, ada.id, change)).toBe("last_administrator");
  }
  expect(await store.deleteUser(fixture.pool, ada.actor, ada.id)).toBe("last_administrator");
  expect(await isAdmin(ada.id)).toBe(true);
  expect(await store.changeUser(fixture.pool, "operator", ada.id, { disabled: true })).toMatchObject({
    user: { id: ada.id },
  });
});

test("who is an administrator no more, or has a revoked token, changes nobody", async () => {
  const [ada, bob, eve] = [await newUser("admin"), await newUser("admin"), await newUser("admin")];
  await store.changeUser(fixture.pool, ada.actor, bob.id, { role: "user" });
  await store.revokeTokens(fixture.pool, eve.id);
  for (const { actor } of [bob, eve]) {
    expect(await store.changeUser(fixture.pool, actor, ada.id, { role: "user" })).toBe("no_administrator");
    expect(await store.deleteUser(fixture.pool, actor, ada.id)).toBe("no_administrator");
    expect(await store.createTokenAs(fixture.pool, actor, newToken((await newUser()).id))).toBe("revoked");
  }
});

test("a deleted user's name is free, the slug is not, and projects and tokens are gone", async () => {
  const user = { id: randomUUID(), name: "ada", slug: "ada" };
  await store.createUser(fixture.pool, user);
  const token = newToken(user.id);
  await store.createToken(fixture.pool, token);
  await post(fixture.pool, await newPlace(fixture.pool, user.id));
  expect(await store.deleteUser(fixture.pool, "operator", user.id)).toMatchObject({ changes: expect.any(Array) });
  expect(await store.deleteUser(fixture.pool, "operator", user.id)).toBe("no_user");
  expect(await store.changeUser(fixture.pool, "operator", user.id, { disabled: false })).toBe("no_user");
  expect(await store.findUserByTokenHash(fixture.pool, token.tokenHash)).toBeNull();
  expect(await projectsOf(fixture.pool, user.id)).toEqual([]);
  // A request that was under way creates another project, which the workers find.
  await newPlace(fixture.pool, user.id);
  expect(await store.deleteLateProjects(fixture.pool)).toBe(1);
  expect(await projectsOf(fixture.pool, user.id)).toEqual([]);
  const again = { id: randomUUID(), name: "ada" };
  await expect(store.createUser(fixture.pool, { ...again, slug: "ada" })).rejects.toMatchObject({ code: "23505" });
  await store.createUser(fixture.pool, again);
  expect(await store.isSlugTaken(fixture.pool, "ada")).toBe(true);
  expect((await store.findUserByName(fixture.pool, "ada"))?.id).toBe(again.id);
});

test("deleting a user revokes the tokens, ends what is shared with the user, tells those with whom the projects were shared, and deletes no other project", async () => {
  const { pool } = fixture;
  const [ada, bob] = [await newUser(), await newUser()];
  const [ofAda, ofBob] = [await newPlace(pool, ada.id), await newPlace(pool, bob.id)];
  for (const [owner, place, name] of [
    [ada, ofAda, bob.id],
    [bob, ofBob, ada.id],
  ] as const)
    await store.setMember(pool, owner.actor, place.projectId, { name, role: "member" });
  const version = async () => (await store.readListVersions(pool, [bob.id])).get(bob.id)?.total ?? 0;
  const former = await newPlace(pool, ada.id);
  await store.deleteProject(pool, ada.id, former.projectId);
  const deletedAt = () => pool`select deleted_at from projects where id = ${former.projectId}`;
  const [before, then] = [await version(), await deletedAt()];
  await store.deleteUser(pool, "operator", ada.id);
  expect(await deletedAt()).toEqual(then);
  expect(await store.findProject(pool, bob.id, ofBob.projectId)).not.toBeNull();
  expect(await version()).toBeGreaterThan(before);
  expect(await pool`select from project_members where user_id = ${ada.id}`).toHaveLength(0);
  expect(await store.listTokens(pool, ada.id)).toEqual([]);
});

test("the turns of a disabled or deleted user, and those of a revoked token, are cancelled or withdrawn, and no other", async () => {
  const { pool } = fixture;
  const disable = (id: string) => store.changeUser(pool, "operator", id, { disabled: true });
  const remove = (id: string) => store.deleteUser(pool, "operator", id);
  const revoke = (userId: string, tokenId: string) => store.revokeToken(pool, "operator", { userId, tokenId });
  const revokeAll = (userId: string) => store.revokeAllTokens(pool, "operator", userId);
  for (const end of [disable, remove, revoke, revokeAll]) {
    const [user, other] = [await newUser(), await newUser()];
    const turns = [];
    for (const { id, actor } of [user, other]) {
      const place = await newPlace(pool, id);
      for (const asked of [1, 2]) {
        const outcome = await store.postMessage(pool, { ...question(place), tokenId: actor.tokenId }, null);
        if (outcome.kind !== "posted") throw new Error(outcome.kind);
        if (asked === 1) await claim(pool, outcome.turnId);
        turns.push(outcome.turnId);
      }
    }
    const [first, second, ...theirs] = turns;
    const outcome = await end(user.id, user.actor.tokenId);
    if (typeof outcome === "object") expect(cancelled(outcome)).toEqual({ cancelling: [first], withdrawn: [second] });
    else expect(outcome).toBe(1);
    const rows = await pool`select cancel_reason from turns where id in ${pool([first, second] as string[])}`;
    expect(rows.map((row) => row.cancel_reason)).toEqual(["access_revoked", "access_revoked"]);
    for (const [turnId, status] of [
      [first, "cancelling"],
      [second, "cancelled"],
      [theirs[0], "running"],
      [theirs[1], "queued"],
    ]) {
      expect((await turnRow(pool, turnId ?? "")).status).toBe(status);
    }
  }
});

test("a token that is revoked while it makes another makes none", async () => {
  const { id, actor } = await newUser();
  const creating = await fixture.pool.begin(async (sql) => {
    await sql`update api_tokens set revoked_at = now() where id = ${actor.tokenId}`;
    const started = store.createTokenAs(fixture.pool, actor, newToken(id));
    await Promise.race([started, untilBlocked(fixture.pool)]);
    return { started };
  });
  expect(await creating.started).toBe("revoked");
  expect(await store.listTokens(fixture.pool, id)).toEqual([]);
});

test("a user has a limited number of live tokens, also when they are created at once, and dead ones do not count", async () => {
  const { id, actor } = await newUser();
  for (let i = 2; i < MAX_TOKENS; i++) await store.createToken(fixture.pool, newToken(id));
  const expired = { ...newToken(id), expiresAt: new Date(Date.now() - 1_000) };
  await store.createToken(fixture.pool, expired);
  const { creating } = await fixture.pool.begin(async (sql) => {
    // Holds the creations up, so that they go on at the same time.
    await sql`select from api_tokens where id = ${actor.tokenId} for update`;
    const started = Array.from({ length: 5 }, () => store.createTokenAs(fixture.pool, actor, newToken(id)));
    await untilBlocked(fixture.pool, 5);
    return { creating: started };
  });
  const outcomes = await Promise.all(creating);
  expect(outcomes.filter((outcome) => outcome === "too_many")).toHaveLength(4);
  const live = await store.listTokens(fixture.pool, id);
  expect(live).toHaveLength(MAX_TOKENS);
  const other = live.find((token) => token.id !== actor.tokenId)?.id ?? "";
  expect(await store.revokeToken(fixture.pool, actor, { tokenId: other, userId: id })).not.toBeNull();
  expect(await store.createTokenAs(fixture.pool, actor, newToken(id))).toMatchObject({ scopes: ["read", "ask"] });
});

test("tokens that are made and revoked again and again are limited, too, and old ones are removed", async () => {
  const { pool } = fixture;
  const { id, actor } = await newUser();
  await pool`
    insert into api_tokens (id, user_id, token_hash, revoked_at)
    select gen_random_uuid(), ${id}, sha256(gen_random_uuid()::text::bytea), now() from generate_series(1, 999)`;
  expect(await store.createTokenAs(pool, actor, newToken(id))).toBe("too_many");
  await pool`update api_tokens set revoked_at = now() - interval '25 hours' where user_id = ${id} and id <> ${actor.tokenId}`;
  expect(await store.createTokenAs(pool, actor, newToken(id))).toMatchObject({ scopes: ["read", "ask"] });
  expect(await pool`select from api_tokens where user_id = ${id}`).toHaveLength(2);
});

test("an expired token counts as revoked for open sockets", async () => {
  const { id } = await newUser();
  const [past, future] = [newToken(id), newToken(id)];
  await store.createToken(fixture.pool, { ...past, expiresAt: new Date(Date.now() - 1_000) });
  await store.createToken(fixture.pool, { ...future, expiresAt: new Date(Date.now() + 60_000) });
  const credentials = [past, future].map((token) => ({ userId: id, tokenId: token.id }));
  expect(await store.findEndedCredentials(fixture.pool, credentials)).toEqual(new Set([0]));
  expect(await store.findUserByTokenHash(fixture.pool, past.tokenHash)).toBeNull();
});

test("last uses are written together, none replaces a later one, and processes that write the same tokens do not deadlock", async () => {
  const { id } = await newUser();
  const tokens = Array.from({ length: 40 }, () => newToken(id));
  for (const token of tokens) await store.createToken(fixture.pool, token);
  const uses = tokens.map((token, index) => ({ tokenId: token.id, agoMs: 1_000 + index }));
  const ghost = { tokenId: randomUUID(), agoMs: 0 };
  await Promise.all(
    Array.from({ length: 8 }, (_, i) => {
      const order = i % 2 === 0 ? uses : uses.toReversed();
      return store.recordTokenUses(fixture.pool, [ghost, ...order]);
    }),
  );
  const used = async (tokenId: string) =>
    (await store.listTokens(fixture.pool, id)).find((token) => token.id === tokenId)?.last_used_at ?? "";
  const first = tokens[0]?.id ?? "";
  const before = await used(first);
  expect(Math.abs(Date.now() - 1_000 - new Date(before).getTime())).toBeLessThan(60_000);
  await store.recordTokenUses(fixture.pool, [{ tokenId: first, agoMs: 3_600_000 }]);
  expect(await used(first)).toBe(before);
  await store.recordTokenUses(fixture.pool, [{ tokenId: first, agoMs: 0 }]);
  expect((await used(first)) > before).toBe(true);
});
