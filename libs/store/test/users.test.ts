import { randomBytes, randomUUID } from "node:crypto";
import {
  createToken,
  createUser,
  findEndedCredentials,
  findUserByName,
  findUserByTokenHash,
  raiseUserVersion,
  revokeTokens,
} from "@boocode/store";
import { expect, test } from "vitest";
import { newUser, useStore } from "./fixture.ts";

const fixture = useStore();

async function newToken(userId: string) {
  const token = { id: randomUUID(), userId, tokenHash: randomBytes(32) };
  await createToken(fixture.pool, token);
  return token;
}

test("a user is found by name, and names are unique", async () => {
  const user = { id: randomUUID(), name: "ada" };
  await createUser(fixture.pool, user);
  expect(await findUserByName(fixture.pool, "ada")).toMatchObject({ ...user, role: "user", disabled_at: null });
  expect(await findUserByName(fixture.pool, "Ada")).toBeNull();
  await expect(createUser(fixture.pool, { id: randomUUID(), name: "ada" })).rejects.toMatchObject({ code: "23505" });
});

test("a token identifies its user until it is revoked", async () => {
  const [mine, theirs] = [await newUser(fixture.pool), await newUser(fixture.pool)];
  const [first, second, other] = [await newToken(mine), await newToken(mine), await newToken(theirs)];
  expect(await findUserByTokenHash(fixture.pool, first.tokenHash)).toEqual({
    ...{ id: mine, name: mine, role: "user", limits: null, tokenId: first.id },
    ...{ scopes: ["read", "ask"], expiresAt: null },
  });
  expect(await findUserByTokenHash(fixture.pool, randomBytes(32))).toBeNull();
  const ended = (...of: (typeof first)[]) =>
    findEndedCredentials(
      fixture.pool,
      of.map(({ id, userId }) => ({ userId, tokenId: id })),
    );
  expect(await ended(first, second, other)).toEqual(new Set());
  expect(await revokeTokens(fixture.pool, mine)).toBe(2);
  expect(await revokeTokens(fixture.pool, mine)).toBe(0);
  expect(await findUserByTokenHash(fixture.pool, first.tokenHash)).toBeNull();
  expect(await findUserByTokenHash(fixture.pool, other.tokenHash)).toMatchObject({ id: theirs });
  const unknown = { ...first, id: randomUUID() };
  const mixed = { ...other, userId: mine };
  expect(await ended(first, other, unknown, mixed, second)).toEqual(new Set([0, 2, 3, 4]));
  expect(await findEndedCredentials(fixture.pool, [])).toEqual(new Set());
});

test("a user without a token of ours ends when disabled or deleted", async () => {
  const users = [await newUser(fixture.pool), await newUser(fixture.pool), await newUser(fixture.pool), randomUUID()];
  const credentials = users.map((userId) => ({ userId, tokenId: null }));
  expect(await findEndedCredentials(fixture.pool, credentials)).toEqual(new Set([3]));
  await fixture.pool`update users set disabled_at = now() where id = ${users[0] as string}`;
  await fixture.pool`update users set deleted_at = now() where id = ${users[1] as string}`;
  expect(await findEndedCredentials(fixture.pool, credentials)).toEqual(new Set([0, 1, 3]));
});

test("versions that are raised concurrently have no gaps", async () => {
  const userId = await newUser(fixture.pool);
  const versions = await Promise.all(Array.from({ length: 20 }, () => raiseUserVersion(fixture.pool, userId)));
  expect(versions.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
});
