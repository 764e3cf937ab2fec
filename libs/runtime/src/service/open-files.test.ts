import { expect, test } from "vitest";
import { readOpenFilesLimit } from "./open-files.ts";

const limits = (soft: string) => `Limit                     Soft Limit           Hard Limit           Units
Max core file size        0                    unlimited            bytes
Max open files            ${soft.padEnd(21)}1048576              files
Max locked memory         8388608              8388608              bytes`;

test("the limit of open files is read from /proc/self/limits", () => {
  expect(readOpenFilesLimit(limits("65536"))).toBe(65_536);
  expect(readOpenFilesLimit(limits("unlimited"))).toBe(Number.POSITIVE_INFINITY);
  for (const text of ["", "no such file", limits("?")]) expect(readOpenFilesLimit(text)).toBeNull();
});
