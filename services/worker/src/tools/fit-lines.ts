/** As many of `lines`, from the first, as fit into `maxBytes` of UTF-8 when each ends in a line break. */
export function fitLines(lines: readonly string[], maxBytes: number): string[] {
  let left = maxBytes;
  const overflow = lines.findIndex((line) => {
    left -= Buffer.byteLength(line) + 1;
    return left < 0;
  });
  return overflow === -1 ? [...lines] : lines.slice(0, overflow);
}
