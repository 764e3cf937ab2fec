import { claimTurn, type Pool, releaseTurn, saveDrafts } from "@boocode/store";
import { describe, expect, test } from "vitest";
import { WORKER_WRITES } from "./older-attempts.ts";
import { asWorker, claim, dump, newPlace, running, turnRow, untilBlocked, useStore } from "./stage.ts";

const stage = useStore();

describe.each(Object.entries(WORKER_WRITES))("%s of an older attempt", (_name, { write, refused, waits }) => {
  test("changes no row and says so", async () => {
    const { turn, messageId } = await running(stage.pool, await newPlace(stage.pool));
    await releaseTurn(stage.pool, turn);
    await claim(stage.pool, turn.id);
    const before = await dump(stage.pool);
    expect(await write(stage.pool, { turnId: turn.id, attempt: 1 }, messageId)).toEqual(refused);
    expect(await dump(stage.pool)).toEqual(before);
  });

  // An end as cancelled looks for a turn that is being cancelled, and does not wait for one that is claimed.
  if (waits)
    test("changes no row either when it waits for the claim that makes it old", async () => {
      const { turn, messageId } = await running(stage.pool, await newPlace(stage.pool));
      const { late, claimed } = await stage.pool.begin(async (transaction) => {
        const sql = transaction as unknown as Pool;
        await releaseTurn(sql, turn);
        await claimTurn(sql, turn.id, asWorker({ workerId: "w2", nonce: "second", leaseMs: 60_000 }));
        const late = write(stage.pool, { turnId: turn.id, attempt: 1 }, messageId);
        await untilBlocked(stage.pool);
        return { late, claimed: await dump(sql) };
      });
      expect(await late).toEqual(refused);
      expect(await dump(stage.pool)).toEqual(claimed);
      expect(await turnRow(stage.pool, turn.id)).toMatchObject({ status: "running", attempt: 2, nonce: "second" });
    });

  test("changes no row once the turn waits in the queue again", async () => {
    const { turn, messageId } = await running(stage.pool, await newPlace(stage.pool));
    await releaseTurn(stage.pool, turn);
    const before = await dump(stage.pool);
    expect(await write(stage.pool, turn, messageId)).toEqual(refused);
    expect(await dump(stage.pool)).toEqual(before);
  });
});

test("a turn whose worker is writing at this moment is not claimed from under it", async () => {
  const { turn, messageId } = await running(stage.pool, await newPlace(stage.pool));
  await stage.pool.begin(async (transaction) => {
    const draft = { turnId: turn.id, attempt: 1, messageId, content: "text", reasoning: null, lastSeq: 5 };
    await saveDrafts(transaction as unknown as Pool, [draft]);
    expect(await claimTurn(stage.pool, turn.id, asWorker({ workerId: "w2", nonce: "n", leaseMs: 1_000 }))).toBeNull();
  });
  expect(await turnRow(stage.pool, turn.id)).toMatchObject({ attempt: 1, last_seq: 5 });
});
