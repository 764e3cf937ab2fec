import { expect, test } from "vitest";
import { fitLines } from "./fit-lines.ts";

test("counts bytes, not characters, and each line's break", () => {
  expect(fitLines(["ä", "b"], 5)).toEqual(["ä", "b"]);
  expect(fitLines(["ä", "b"], 4)).toEqual(["ä"]);
  expect(fitLines(["ä", "b"], 2)).toEqual([]);
});
