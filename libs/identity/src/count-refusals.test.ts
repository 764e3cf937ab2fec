import type { NewAuditEvent } from "@boocode/store";
import { expect, test } from "vitest";
import { createRefusalCounter, type Refused } from "./count-refusals.ts";

function setUp() {
  const saved: NewAuditEvent[][] = [];
  const state = { failing: false, second: 0 };
  const counter = createRefusalCounter({
    save: async (events) => {
      if (state.failing) throw new Error("away");
      saved.push(events);
    },
    now: () => new Date(state.second * 1_000),
  });
  return { counter, saved, state };
}

const bad: Refused = { event: "refused.unauthenticated", actor: "anonymous", address: "192.0.2.1" };
const forbidden: Refused = { event: "refused.forbidden", actor: { userId: "u", tokenId: "t" }, address: "192.0.2.1" };

test("repeated refusals become one row, with their number and the times of the first and the last", async () => {
  const { counter, saved, state } = setUp();
  for (state.second = 0; state.second < 1_000; state.second++) counter.refused(bad);
  counter.refused(forbidden);
  await counter.flush();
  expect(saved).toEqual([
    [
      { ...bad, count: 1_000, at: new Date(0), lastAt: new Date(999_000) },
      { ...forbidden, count: 1, at: new Date(1_000_000), lastAt: new Date(1_000_000) },
    ],
  ]);
  await counter.flush();
  expect(saved).toHaveLength(1);
});

test("an attacker with many addresses causes a bounded number of rows, and each refusal is counted", async () => {
  const { counter, saved } = setUp();
  for (let each = 0; each < 10_000; each++) counter.refused({ ...bad, address: `2001:db8::${each.toString(16)}` });
  await counter.flush();
  const [rows = []] = saved;
  expect(rows.length).toBeLessThanOrEqual(501);
  expect(rows.reduce((sum, { count = 0 }) => sum + count, 0)).toBe(10_000);
});

test("what could not be saved is saved later, with what was refused meanwhile", async () => {
  const { counter, saved, state } = setUp();
  counter.refused(bad);
  state.failing = true;
  await expect(counter.flush()).rejects.toThrow("away");
  state.second = 5;
  counter.refused(bad);
  state.failing = false;
  await counter.flush();
  expect(saved).toEqual([[{ ...bad, count: 2, at: new Date(0), lastAt: new Date(5_000) }]]);
});
