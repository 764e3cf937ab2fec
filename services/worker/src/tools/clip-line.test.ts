import { expect, test } from "vitest";
import { clipLine } from "./clip-line.ts";

test("a short line is whole", () => {
  expect(clipLine(Buffer.from("short"), 2, 10)).toBe("short");
});

test("a long line is cut around the match, which is counted in bytes", () => {
  const line = `${"ä".repeat(100)}MATCH${"b".repeat(100)}`;
  const clipped = clipLine(Buffer.from(line), 200, 30);
  expect(clipped).toBe(`…${"ä".repeat(10)}MATCH${"b".repeat(15)}…`);
  expect(clipLine(Buffer.from(line), 0, 5)).toBe("äääää…");
});
