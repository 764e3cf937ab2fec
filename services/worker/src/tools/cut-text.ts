/**
 * At most `maxBytes` of UTF-8: what is longer ends at a line border, or between two characters where there is none, and
 * with `notice` on a line of its own.
 */
export function cutText(text: string, maxBytes: number, notice: string): { text: string; cut: boolean } {
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
