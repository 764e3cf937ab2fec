import { createHash } from "node:crypto";

/** 96 bits of the SHA-256 of lines, in base64: tells whether lines are still those that were shown. */
export function hashLines(lines: readonly string[]): string {
  return createHash("sha256").update(lines.join("\n")).digest("base64url").slice(0, 16);
}
