import { expect, test } from "vitest";
import { createRecords, KEEP_BODIES, KEEP_RECORDS } from "./records.ts";

const arrival = {
  model: "m",
  answeredBy: "m",
  key: "k",
  step: 0,
  attempt: 1,
  stream: true,
  toolChoice: null,
  offeredTools: [],
  violations: ["a rule"],
};

test("the number of kept requests is limited, and the number of kept bodies even more", () => {
  const records = createRecords(() => 5);
  const total = KEEP_RECORDS + 3000;
  for (let index = 0; index < total; index += 1) records.add({ ...arrival, body: { index } }, 10);
  const kept = records.all();
  expect(kept).toHaveLength(KEEP_RECORDS);
  expect(kept.at(-1)).toMatchObject({ id: total, at: 5, body: { index: total - 1 } });
  expect(kept.filter((record) => record.body !== null)).toHaveLength(KEEP_BODIES);
  expect(records.violations()).toHaveLength(KEEP_RECORDS);
});

test("huge bodies are dropped sooner", () => {
  const records = createRecords(() => 0);
  for (let index = 0; index < 10; index += 1) records.add({ ...arrival, body: { index } }, 30_000_000);
  expect(records.all().filter((record) => record.body !== null)).toHaveLength(2);
});

test("`until` resolves when a matching request arrives, and when one ends", async () => {
  const records = createRecords(() => 0);
  const arrived = records.until((request) => request.key === "k");
  const ended = records.until((request) => request.ending === "disconnected");
  const record = records.add({ ...arrival, body: {} }, 2);
  expect(await arrived).toBe(record);
  records.finish(record, "disconnected");
  expect(await ended).toBe(record);
});

test("violations survive a reset, including those of requests that could not be answered", () => {
  const records = createRecords(() => 0);
  records.add({ ...arrival, body: {} }, 2);
  records.addUnanswered("gone", ["another rule"]);
  records.reset();
  expect(records.all()).toEqual([]);
  expect(records.violations()).toEqual([
    { request: 1, model: "m", rule: "a rule" },
    { request: 0, model: "gone", rule: "another rule" },
  ]);
});
