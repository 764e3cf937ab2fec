import { createHash } from "node:crypto";

/** 96 bits of the SHA-256 of lines, in base64: tells whether lines are still those that were shown. */
export function hashLines(lines: readonly string[]): string {
  // No lines are not one empty line: no line has a NUL.
  const text = lines.length === 0 ? "\0" : lines.join("\n");
  return createHash("sha256").update(text).digest("base64url").slice(0, 16);
}
