import fc from "fast-check";
import { expect, test } from "vitest";
import { createSlotLine } from "./slot-line.ts";

const sizes = fc
  .record({ size: fc.integer({ min: 1, max: 9 }), share: fc.nat() })
  .map(({ size, share }) => ({ size, most: 1 + (share % size) }));
const never = new AbortController().signal;
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("enter" as const), user: fc.constantFrom("a", "b", "c") }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("leave" as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("abort" as const), which: fc.nat() }) },
);

test("whatever comes and goes, no user exceeds the share, no slot is free while someone may have it, and all get one at last", async () => {
  await fc.assert(
    fc.asyncProperty(sizes, fc.array(step, { maxLength: 60 }), async ({ size, most }, steps) => {
      const slots = createSlotLine(size, most);
      const held: { user: string; giveBack: () => void }[] = [];
      const waiting = new Map<AbortController, string>();
      const count = (user: string) => held.filter((slot) => slot.user === user).length;
      const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
      const check = () => {
        expect(held.length).toBeLessThanOrEqual(size);
        for (const user of ["a", "b", "c"]) expect(count(user)).toBeLessThanOrEqual(most);
        if (held.length < size) for (const user of waiting.values()) expect(count(user)).toBe(most);
      };
      for (const next of steps) {
        if (next.kind === "enter") {
          const controller = new AbortController();
          waiting.set(controller, next.user);
          slots.enter(next.user, 60_000, controller.signal).then(
            (giveBack) => {
              waiting.delete(controller);
              if (giveBack) held.push({ user: next.user, giveBack });
            },
            () => {},
          );
        } else if (next.kind === "leave") {
          const [slot] = held.splice(next.which % Math.max(1, held.length), 1);
          slot?.giveBack();
          slot?.giveBack();
        } else {
          const controller = [...waiting.keys()][next.which % Math.max(1, waiting.size)];
          if (controller) waiting.delete(controller);
          controller?.abort();
        }
        await settled();
        check();
      }
      while (held.length > 0) {
        held.shift()?.giveBack();
        await settled();
      }
      expect(waiting.size).toBe(0);
    }),
  );
});

test("a wait ends with null after its time, and an abort ends it with the signal's reason", async () => {
  const slots = createSlotLine(1, 1);
  const giveBack = await slots.enter("a", 1, never);
  expect(await slots.enter("b", 1, never)).toBeNull();
  await expect(slots.enter("b", 1, AbortSignal.abort(new Error("gone")))).rejects.toThrow("gone");
  const next = slots.enter("b", 60_000, never);
  giveBack?.();
  expect(await next).toBeTypeOf("function");
});
