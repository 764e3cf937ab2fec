import { testDatabase } from "@boocode/backing-services/testing";
import { addUser, findCaller } from "@boocode/identity";
import { connectPostgres, type Postgres } from "@boocode/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";

let pool: Postgres;
let drop: () => Promise<void>;

beforeAll(async () => {
  const database = await testDatabase();
  drop = database.drop;
  pool = connectPostgres(database.url, { name: "test", connections: 4 });
});
afterAll(async () => {
  await pool.end({ timeout: 2 });
  await drop();
});

test("a new name creates a user, a known one gets another token, and all tokens identify the same user", async () => {
  const first = await addUser(pool, "ada");
  const second = await addUser(pool, "ada");
  expect([first.isNew, second.isNew]).toEqual([true, false]);
  expect(second.userId).toBe(first.userId);
  for (const { token } of [first, second]) {
    expect(await findCaller(pool, token)).toMatchObject({ userId: first.userId });
  }
  expect((await addUser(pool, "eve")).userId).not.toBe(first.userId);
});

test("two concurrent creations of one name leave no user without a token", async () => {
  await Promise.allSettled([addUser(pool, "bob"), addUser(pool, "bob")]);
  const users = await pool`
    select u.name, count(t.id) as tokens from users u left join api_tokens t on t.user_id = u.id group by u.id, u.name`;
  for (const { tokens } of users) expect(tokens).toBeGreaterThan(0);
  expect(users.filter(({ name }) => name === "bob")).toHaveLength(1);
});
