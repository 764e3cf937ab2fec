import { expect, test } from "vitest";
import { createTokenUses } from "./token-uses.ts";
import type { Caller } from "./tokens.ts";

const caller = (tokenId: string | null): Caller => ({
  ...{ userId: "u", userName: "ada", role: "user", scopes: ["read"], expiresAt: null },
  tokenId,
});

function collect() {
  const state = { now: 0, fails: false, saved: [] as unknown[] };
  const uses = createTokenUses({
    now: () => state.now,
    async save(batch) {
      if (state.fails) throw new Error("away");
      state.saved.push(batch);
    },
  });
  const use = uses.noting(async (token) => (token === "unknown" ? null : caller(token === "none" ? null : token)));
  return { state, uses, use };
}

test("the uses of a minute are saved together, each token once with its last use", async () => {
  const { state, uses, use } = collect();
  for (const token of ["a", "b", "unknown", "none", "a"]) {
    state.now += 10;
    await use(token);
  }
  expect(state.saved).toEqual([]);
  state.now = 100;
  await uses.flush();
  expect(state.saved).toEqual([
    [
      { tokenId: "a", agoMs: 50 },
      { tokenId: "b", agoMs: 80 },
    ],
  ]);
  await uses.flush();
  expect(state.saved).toHaveLength(1);
});

test("uses that could not be saved are saved with the next ones", async () => {
  const { state, uses, use } = collect();
  await use("a");
  await use("b");
  state.fails = true;
  await expect(uses.flush()).rejects.toThrow("away");
  state.fails = false;
  state.now = 7;
  await use("b");
  state.now = 10;
  await uses.flush();
  expect(state.saved).toEqual([
    [
      { tokenId: "a", agoMs: 10 },
      { tokenId: "b", agoMs: 3 },
    ],
  ]);
});
