import { characterBoundary } from "@boocode/contracts";

/**
 * Cuts a text to at most `maxBytes` of UTF-8, at the end of a line, or between two characters when the first line alone is
 * too long. A text that was cut ends with `notice` on its own line.
 * @returns `whole`: how many of its first lines are left as they were
 */
export function cutOutput(
  text: string,
  maxBytes: number,
  notice: string,
): { text: string; whole: number; cut: boolean } {
  if (Buffer.byteLength(text) <= maxBytes) return { text, whole: text.split("\n").length, cut: false };
  const bytes = Buffer.from(text);
  const room = Math.max(0, maxBytes - Buffer.byteLength(notice) - 1);
  const lineEnd = bytes.lastIndexOf("\n", room);
  const kept = bytes.toString("utf8", 0, lineEnd > 0 ? lineEnd : utf8Boundary(bytes, room));
  return { text: `${kept}\n${notice}`, whole: lineEnd > 0 ? kept.split("\n").length : 0, cut: true };
}

/** The largest index up to `index` that is not inside a character: UTF-8 continuation bytes are 10xxxxxx. */
function utf8Boundary(bytes: Uint8Array, index: number): number {
  let boundary = index;
  while (boundary > 0 && ((bytes[boundary] ?? 0) & 0xc0) === 0x80) boundary -= 1;
  return boundary;
}

/** The first of `lines` that together fit into `maxBytes` of UTF-8, counting one line break for each. */
export function fitLines(lines: readonly string[], maxBytes: number): string[] {
  let left = maxBytes;
  const overflow = lines.findIndex((line) => {
    left -= Buffer.byteLength(line) + 1;
    return left < 0;
  });
  return overflow === -1 ? [...lines] : lines.slice(0, overflow);
}

/** Clips a long line to about `width` characters around the match at byte `matchStart`; `…` marks each cut. */
export function clipLine(bytes: Buffer, matchStart: number, width: number): string {
  const text = bytes.toString("utf8");
  if (text.length <= width) return text;
  const match = bytes.toString("utf8", 0, matchStart).length;
  // Only one third of the width lies before the match, because what follows it is more informative.
  const from = Math.max(0, Math.min(match - Math.floor(width / 3), text.length - width));
  const start = characterBoundary(text, from);
  const end = characterBoundary(text, from + width);
  return `${start > 0 ? "…" : ""}${text.slice(start, end)}${end < text.length ? "…" : ""}`;
}
