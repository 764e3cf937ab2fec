/** Cuts a long line to about `width` characters, around the byte `at`; what was cut is marked by `…`. */
export function clipLine(bytes: Buffer, at: number, width: number): string {
  const text = bytes.toString("utf8");
  if (text.length <= width) return text;
  const place = bytes.toString("utf8", 0, at).length;
  // A third before the match: what follows says more.
  const start = Math.max(0, Math.min(place - Math.floor(width / 3), text.length - width));
  const end = start + width;
  return `${start > 0 ? "…" : ""}${text.slice(start, end)}${end < text.length ? "…" : ""}`;
}
