import { classifyPosition, type Position, START } from "@boocode/contracts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { classifyLive, endsTurn } from "./classify-live.ts";

const at = (ordinal: number, attempt: number, seq: number, nonce = "n"): Position => ({
  epoch: { ordinal, attempt, nonce },
  seq,
});

test("once a turn is over, only the first frame of the next turn's first attempt follows", () => {
  const after = (frame: Position, isOver = true) => classifyLive({ cursor: at(3, 2, 9), isOver }, frame);
  expect(after(at(4, 1, 1, "m"))).toBe("next");
  expect(after(at(4, 1, 1, "m"), false)).toBe("misfit");
  expect(after(at(4, 1, 2, "m"))).toBe("misfit");
  expect(after(at(4, 2, 1, "m"))).toBe("misfit");
  expect(after(at(5, 1, 1, "m"))).toBe("misfit");
  expect(after(at(3, 3, 1, "m"))).toBe("misfit");
  expect(classifyLive({ cursor: START, isOver: true }, at(1, 1, 1))).toBe("next");
});

test("every other frame is judged by the cursor rule", () => {
  const positions = fc
    .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 3 }))
    .map(([ordinal, attempt, seq]) => at(ordinal, attempt, seq));
  fc.assert(
    fc.property(positions, positions, fc.boolean(), (cursor, frame, isOver) => {
      const verdict = classifyLive({ cursor, isOver }, frame);
      const begins = frame.epoch.ordinal > cursor.epoch.ordinal && frame.epoch.attempt === 1 && frame.seq === 1;
      if (!begins) expect(verdict).toBe(classifyPosition(cursor, frame));
    }),
  );
});

test("the frame that ends a turn is known by its first field", () => {
  expect(endsTurn(JSON.stringify({ type: "turn_finished", status: "complete" }))).toBe(true);
  expect(endsTurn(JSON.stringify({ type: "delta", content: '{"type":"turn_finished"' }))).toBe(false);
});
