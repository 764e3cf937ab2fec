import { compareEpochs, parseCursor } from "@boocode/contracts/position";
import { expect } from "vitest";
import type { SessionView } from "../src/index.ts";

/** Records every view of a follower, for invariants that hold at every moment. */
export function createRecord() {
  const views: SessionView[] = [];
  return {
    onChange: (view: SessionView) => void views.push(view),
    views,
    /**
     * D1 with a single attempt: every text shown for a message is a prefix of its final text. D2: the cursor never goes back.
     */
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
