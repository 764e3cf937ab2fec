import { randomBytes, randomUUID } from "node:crypto";
import {
  createToken,
  createUser,
  findRevokedTokens,
  findUserByName,
  findUserByTokenHash,
  raiseUserVersion,
  revokeTokens,
} from "@boocode/store";
import { expect, test } from "vitest";
import { newUser, useStore } from "./stage.ts";

const stage = useStore();

async function newToken(userId: string) {
  const token = { id: randomUUID(), userId, tokenHash: randomBytes(32) };
  await createToken(stage.pool, token);
  return token;
}

test("a user is found by name, and a name is given once", async () => {
  const user = { id: randomUUID(), name: "ada" };
  await createUser(stage.pool, user);
  expect(await findUserByName(stage.pool, "ada")).toEqual(user);
  expect(await findUserByName(stage.pool, "Ada")).toBeNull();
  await expect(createUser(stage.pool, { id: randomUUID(), name: "ada" })).rejects.toMatchObject({ code: "23505" });
});

test("a token leads to its user until it is revoked, and to nobody else's", async () => {
  const [mine, theirs] = [await newUser(stage.pool), await newUser(stage.pool)];
  const [first, second, other] = [await newToken(mine), await newToken(mine), await newToken(theirs)];
  expect(await findUserByTokenHash(stage.pool, first.tokenHash)).toEqual({ id: mine, name: mine, tokenId: first.id });
  expect(await findUserByTokenHash(stage.pool, randomBytes(32))).toBeNull();
  expect(await findRevokedTokens(stage.pool, [first.id, second.id, other.id])).toEqual([]);
  expect(await revokeTokens(stage.pool, mine)).toBe(2);
  expect(await revokeTokens(stage.pool, mine)).toBe(0);
  expect(await findUserByTokenHash(stage.pool, first.tokenHash)).toBeNull();
  expect(await findUserByTokenHash(stage.pool, other.tokenHash)).toMatchObject({ id: theirs });
  const unknown = randomUUID();
  const revoked = await findRevokedTokens(stage.pool, [first.id, other.id, unknown]);
  expect(revoked.sort()).toEqual([first.id, unknown].sort());
});

test("versions raised at once are dense", async () => {
  const userId = await newUser(stage.pool);
  const versions = await Promise.all(Array.from({ length: 20 }, () => raiseUserVersion(stage.pool, userId)));
  expect(versions.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
});
