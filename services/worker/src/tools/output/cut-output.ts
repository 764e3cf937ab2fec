import { characterBoundary } from "@boocode/contracts";

/**
 * At most `maxBytes` of UTF-8: what is longer ends at a line border, or between two characters where there is none, and
 * with `notice` on a line of its own.
 */
export function cutOutput(text: string, maxBytes: number, notice: string): { text: string; cut: boolean } {
  if (Buffer.byteLength(text) <= maxBytes) return { text, cut: false };
  const bytes = Buffer.from(text);
  const room = Math.max(0, maxBytes - Buffer.byteLength(notice) - 1);
  const border = bytes.lastIndexOf("\n", room);
  return {
    text: `${bytes.toString("utf8", 0, border > 0 ? border : characterBorder(bytes, room))}\n${notice}`,
    cut: true,
  };
}

/** The largest index up to `index` at which no character is torn: UTF-8 continuation bytes are 10xxxxxx. */
function characterBorder(bytes: Uint8Array, index: number): number {
  let border = index;
  while (border > 0 && ((bytes[border] ?? 0) & 0xc0) === 0x80) border -= 1;
  return border;
}

/** As many of `lines`, from the first, as fit into `maxBytes` of UTF-8 when each ends in a line break. */
export function fitLines(lines: readonly string[], maxBytes: number): string[] {
  let left = maxBytes;
  const overflow = lines.findIndex((line) => {
    left -= Buffer.byteLength(line) + 1;
    return left < 0;
  });
  return overflow === -1 ? [...lines] : lines.slice(0, overflow);
}

/** Cuts a long line to about `width` characters, around the byte `at`; what was cut is marked by `…`. */
export function clipLine(bytes: Buffer, at: number, width: number): string {
  const text = bytes.toString("utf8");
  if (text.length <= width) return text;
  const place = bytes.toString("utf8", 0, at).length;
  // A third before the match: what follows says more.
  const from = Math.max(0, Math.min(place - Math.floor(width / 3), text.length - width));
  const start = characterBoundary(text, from);
  const end = characterBoundary(text, from + width);
  return `${start > 0 ? "…" : ""}${text.slice(start, end)}${end < text.length ? "…" : ""}`;
}
