import { expect, test } from "vitest";
import { cleanText } from "./clean-text.ts";

test("removes NUL, replaces lone surrogates and leaves pairs alone", () => {
  expect(cleanText("a\0b\uD800c\uDC00d😀")).toBe("ab\uFFFDc\uFFFDd😀");
});
