import { cancelTurn, endOrphan, releaseTurn, withdrawTurn } from "@boocode/store";
import { expect, test } from "vitest";
import { cancelled, messageRow, newPlace, ORPHANS, running, turnRow, useStore } from "./fixture.ts";

const fixture = useStore();

/** A turn that a worker started and released with a partial message. */
async function released() {
  const place = await newPlace(fixture.pool);
  const { turn, messageId } = await running(fixture.pool, place);
  expect(await releaseTurn(fixture.pool, turn)).toBe(true);
  return { place, turn, messageId };
}

test("a cancelled turn that waits for another attempt is ended by a reconciler, together with its message", async () => {
  const { place, turn, messageId } = await released();
  const outcome = await cancelTurn(fixture.pool, place.ownerId, place.sessionId);
  expect(outcome?.answer).toEqual({ turn_id: turn.turnId, status: "cancelling" });
  expect(cancelled(outcome)).toEqual({ cancelling: [turn.turnId], withdrawn: [] });

  const ended = await endOrphan(fixture.pool, "nonce1", ORPHANS, 60_000);
  expect(ended).toMatchObject({
    turnId: turn.turnId,
    messageId,
    end: { status: "cancelled", reason: "user" },
    epoch: { attempt: turn.attempt + 1, nonce: "nonce1" },
    lastSeq: 2,
  });
  expect(await turnRow(fixture.pool, turn.turnId)).toMatchObject({ status: "cancelled", crashes: 0 });
  expect(await messageRow(fixture.pool, messageId)).toMatchObject({ status: "cancelled" });
});

test("a withdrawn turn that waits for another attempt is ended by a reconciler", async () => {
  const { place, turn } = await released();
  const outcome = await withdrawTurn(fixture.pool, place.ownerId, place.sessionId, turn.turnId);
  expect(cancelled(outcome).cancelling).toEqual([turn.turnId]);
  expect(await endOrphan(fixture.pool, "nonce2", ORPHANS, 60_000)).toMatchObject({ turnId: turn.turnId });
});
