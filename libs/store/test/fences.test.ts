import { type Pool, releaseTurn, saveDrafts } from "@boocode/store";
import { describe, expect, test } from "vitest";
import {
  asWorker,
  claim,
  claimNextTurn,
  claimOnly,
  dump,
  newPlace,
  running,
  turnRow,
  untilBlocked,
  useStore,
  WAITING,
} from "./fixture.ts";
import { WORKER_WRITES } from "./older-attempts.ts";

const fixture = useStore();

describe.each(Object.entries(WORKER_WRITES))("%s of an older attempt", (_name, { write, refused, waits }) => {
  test("changes no row and reports that it was refused", async () => {
    const { turn, messageId } = await running(fixture.pool, await newPlace(fixture.pool));
    await releaseTurn(fixture.pool, turn);
    await claim(fixture.pool, turn.id);
    const before = await dump(fixture.pool);
    expect(await write(fixture.pool, { turnId: turn.id, attempt: 1 }, messageId)).toEqual(refused);
    expect(await dump(fixture.pool)).toEqual(before);
  });

  // The others do not wait: drafts and heartbeats skip locked rows, and an end as cancelled matches only a cancelling turn.
  if (waits)
    test("changes no row when it had to wait for the claim that outdates it", async () => {
      const { turn, messageId } = await running(fixture.pool, await newPlace(fixture.pool));
      const { late, claimed } = await fixture.pool.begin(async (transaction) => {
        const sql = transaction as unknown as Pool;
        await releaseTurn(sql, turn);
        await claimOnly(sql, turn.id, asWorker({ workerId: "w2", nonce: "second", leaseMs: 60_000 }));
        const late = write(fixture.pool, { turnId: turn.id, attempt: 1 }, messageId);
        await untilBlocked(fixture.pool);
        return { late, claimed: await dump(sql) };
      });
      expect(await late).toEqual(refused);
      expect(await dump(fixture.pool)).toEqual(claimed);
      expect(await turnRow(fixture.pool, turn.id)).toMatchObject({ status: "running", attempt: 2, nonce: "second" });
    });

  test("changes no row when the turn is queued again", async () => {
    const { turn, messageId } = await running(fixture.pool, await newPlace(fixture.pool));
    await releaseTurn(fixture.pool, turn);
    const before = await dump(fixture.pool);
    expect(await write(fixture.pool, turn, messageId)).toEqual(refused);
    expect(await dump(fixture.pool)).toEqual(before);
  });
});

test("a turn cannot be claimed while its worker's write is not committed", async () => {
  const { turn, messageId } = await running(fixture.pool, await newPlace(fixture.pool));
  await fixture.pool.begin(async (transaction) => {
    const draft = { turnId: turn.id, attempt: 1, messageId, content: "text", reasoning: null, lastSeq: 5 };
    await saveDrafts(transaction as unknown as Pool, [draft]);
    expect(await claimNextTurn(fixture.pool, WAITING, asWorker({ workerId: "w2", nonce: "n" }))).toBeNull();
  });
  expect(await turnRow(fixture.pool, turn.id)).toMatchObject({ attempt: 1, last_seq: 5 });
});
