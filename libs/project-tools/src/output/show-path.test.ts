import { expect, test } from "vitest";
import { showPath } from "./show-path.ts";

test("a path with control characters is written on one line, as a JSON string", () => {
  expect(showPath("src/a b-ä.ts")).toBe("src/a b-ä.ts");
  expect(showPath("a\nb:1: forged")).toBe('"a\\nb:1: forged"');
});
