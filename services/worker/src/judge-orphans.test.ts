import { expect, test } from "vitest";
import { createOrphanJudge } from "./judge-orphans.ts";

const LEASE_MS = 5_000;

function start() {
  let time = 0;
  const judge = createOrphanJudge(LEASE_MS, () => time);
  return {
    judge,
    /** Looks once a second for this long. The database's clock is 1,000,000 ahead. */
    look(ms: number) {
      for (let end = time + ms; time < end; time += 1_000) judge.looked(1_000_000 + time);
    },
    wait: (ms: number) => {
      time += ms;
    },
  };
}

test("a first look leaves expired leases alone, for one lease", () => {
  const { judge, look } = start();
  expect(judge.judgeUntil()).toBeNull();
  look(5_000);
  expect(judge.judgeUntil()).not.toBeNull();
});

test("a look that failed begins the patience anew", () => {
  const { judge, look } = start();
  look(8_000);
  judge.failed();
  expect(judge.judgeUntil()).toBeNull();
  look(4_000);
  expect(judge.judgeUntil()).toBeNull();
  look(2_000);
  expect(judge.judgeUntil()).not.toBeNull();
});

test("a look that comes late does so, too, before and after it", () => {
  const { judge, look, wait } = start();
  look(8_000);
  wait(2_600);
  expect(judge.judgeUntil()).toBeNull();
  look(4_000);
  expect(judge.judgeUntil()).toBeNull();
  look(2_000);
  expect(judge.judgeUntil()).not.toBeNull();
});

test("a statement may judge for a second, by the database's clock", () => {
  const { judge, look } = start();
  look(8_000);
  // The last look was at 7 s, and now it is 8 s.
  expect(judge.judgeUntil()).toBe(1_000_000 + 8_000 + 1_000);
});
