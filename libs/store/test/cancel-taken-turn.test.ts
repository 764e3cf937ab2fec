import { cancelTurn, endOrphan, releaseTurn, withdrawTurn } from "@boocode/store";
import { expect, test } from "vitest";
import { cancelled, messageRow, newPlace, running, turnRow, useStore } from "./stage.ts";

const stage = useStore();

/** A turn that a worker began, and gave back with half a message. */
async function handedBack() {
  const place = await newPlace(stage.pool);
  const { turn, messageId } = await running(stage.pool, place);
  expect(await releaseTurn(stage.pool, turn)).toBe(true);
  return { place, turn, messageId };
}

test("a turn that waits for another attempt is ended by a reconciler, which takes the attempt and ends its message too", async () => {
  const { place, turn, messageId } = await handedBack();
  const outcome = await cancelTurn(stage.pool, place.ownerId, place.sessionId);
  expect(outcome?.answer).toEqual({ turn_id: turn.turnId, status: "cancelling" });
  expect(cancelled(outcome)).toEqual({ cancelling: [turn.turnId], withdrawn: [] });

  const ended = await endOrphan(stage.pool, "nonce1", 3, 60_000);
  expect(ended).toMatchObject({
    turnId: turn.turnId,
    messageId,
    end: { status: "cancelled", reason: "user" },
    epoch: { attempt: turn.attempt + 1, nonce: "nonce1" },
    lastSeq: 2,
  });
  expect(await turnRow(stage.pool, turn.turnId)).toMatchObject({ status: "cancelled", crashes: 0 });
  expect(await messageRow(stage.pool, messageId)).toMatchObject({ status: "cancelled" });
});

test("withdrawing such a turn ends it the same way", async () => {
  const { place, turn } = await handedBack();
  const outcome = await withdrawTurn(stage.pool, place.ownerId, place.sessionId, turn.turnId);
  expect(cancelled(outcome).cancelling).toEqual([turn.turnId]);
  expect(await endOrphan(stage.pool, "nonce2", 3, 60_000)).toMatchObject({ turnId: turn.turnId });
});
