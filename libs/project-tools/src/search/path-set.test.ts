import { expect, test } from "vitest";
import { createPathSet } from "./path-set.ts";

test("paths are taken up to a number and up to a number of bytes", () => {
  const few = createPathSet({ paths: 2, bytes: 100 });
  expect(["a", "b", "c"].map(few.tryAdd)).toEqual([true, true, false]);
  const short = createPathSet({ paths: 100, bytes: 5 });
  expect(["aaa", "bbb", "cc", "d"].map(short.tryAdd)).toEqual([true, false, true, false]);
  expect([...short.paths]).toEqual(["aaa", "cc"]);
});
