import { MAX_SNAPSHOT_OUTPUT_BYTES } from "@boocode/contracts";
import { expect, test } from "vitest";
import { evenCut, type MessageSize, planPage, planSnapshots } from "./plan-page.ts";

const message = (turn_ordinal: number, position: number, more: Partial<MessageSize> = {}): MessageSize => ({
  ...{ id: `${turn_ordinal}.${position}`, turn_id: `${turn_ordinal}`, turn_ordinal, position },
  ...{ role: "tool", isStreaming: false, content: 0, reasoning: 0, calls: 0, ...more },
});

const places = (cuts: { id: string }[]) => cuts.map(({ id }) => id);

test("lengths are cut evenly, the longest first", () => {
  expect(evenCut([10, 20, 30], 60)).toBe(Number.POSITIVE_INFINITY);
  expect(evenCut([10, 100, 100], 60)).toBe(25);
  expect(evenCut([10, 20], 0)).toBe(0);
});

test("a page has the newest whole turns within its limit, and at least one", () => {
  const sizes = [message(3, 0), message(2, 1), message(2, 0), message(1, 0)];
  expect(places(planPage(sizes, 3, 1e6))).toEqual(["3.0", "2.1", "2.0"]);
  expect(places(planPage(sizes.slice(0, 3), 2, 1e6))).toEqual(["3.0"]);
  expect(places(planPage(sizes.slice(1, 3), 1, 1e6))).toEqual(["2.1", "2.0"]);
});

test("the longest outputs of a page are shortened, and the page ends at a message only when that is not enough", () => {
  const sizes = [
    message(1, 3, { content: 3_000 }),
    message(1, 2, { content: 90_000 }),
    message(1, 1, { content: 90_000 }),
  ];
  const cuts = planPage(sizes, 10, 50_000);
  expect(places(cuts)).toEqual(["1.3", "1.2", "1.1"]);
  expect(new Set(cuts.map(({ content }) => content)).size).toBe(1);
  expect(cuts[0]?.content).toBeGreaterThan(20_000);
  expect(places(planPage(sizes, 10, 6_000))).toEqual(["1.3", "1.2"]);
  const text = message(1, 2, { role: "assistant", content: 90_000 });
  expect(places(planPage([message(1, 3), text, message(1, 1)], 10, 50_000))).toEqual(["1.3"]);
  expect(places(planPage([text], 10, 50_000))).toEqual(["1.2"]);
});

test("snapshots share their room among all texts, and among the outputs of a turn, and show what streams whole", () => {
  const outputs = Array.from({ length: 100 }, (_, i) => message(1 + (i % 2), i, { content: 1_000_000 }));
  const texts = Array.from({ length: 100 }, (_, i) =>
    message(2, i, { role: "assistant", content: 1_000_000, reasoning: 1_000_000 }),
  );
  const live = message(3, 0, { role: "assistant", isStreaming: true, content: 500_000, reasoning: 400_000 });
  const [shown, ...cuts] = planSnapshots([live, ...outputs, ...texts]);
  expect(shown).toMatchObject({ content: 500_000, reasoning: 400_000 });
  const total = cuts.slice(100).reduce((sum, cut) => sum + cut.content + cut.reasoning, 0);
  expect([total, cuts.slice(0, 100).reduce((sum, cut) => sum + cut.content, 0)]).toEqual([
    expect.closeTo(256 * 1024, -4),
    expect.closeTo(2 * MAX_SNAPSHOT_OUTPUT_BYTES, -4),
  ]);
  expect(planSnapshots([message(1, 0, { content: 7 })])[0]).toMatchObject({ content: 7 });
});
