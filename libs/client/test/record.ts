import { compareEpochs, parseCursor } from "@boocode/contracts/position";
import { expect } from "vitest";
import type { SessionView } from "../src/index.ts";

/** Every view of a follower, for the invariants that hold at each moment and not only at the end. */
export function createRecord() {
  const views: SessionView[] = [];
  return {
    onChange: (view: SessionView) => void views.push(view),
    views,
    /** D1 with a single attempt: all that was ever shown of a message is the beginning of its final text. D2: no way back. */
    expectSteady(): void {
      const final = new Map(views.at(-1)?.messages.map((message) => [message.id, message.content]));
      let shown = new Map<string, string>();
      let cursor = parseCursor(views[0]?.cursor ?? "");
      for (const view of views) {
        for (const message of view.messages) {
          expect(message.content.startsWith(shown.get(message.id) ?? "")).toBe(true);
          if (final.has(message.id)) expect(final.get(message.id)?.startsWith(message.content)).toBe(true);
        }
        shown = new Map(view.messages.map((message) => [message.id, message.content]));
        const next = parseCursor(view.cursor);
        if (cursor && next) {
          const order = compareEpochs(next.epoch, cursor.epoch);
          expect(order > 0 || (order === 0 && next.seq >= cursor.seq)).toBe(true);
        }
        cursor = next;
      }
    },
  };
}
