// Neither zod nor Node APIs here: browsers use these functions too.

/** The bytes of `JSON.stringify(text)` in UTF-8, without its quotes. */
export function jsonBytes(text: string): number {
  return measure(text, Number.POSITIVE_INFINITY).bytes;
}

/** The longest prefix of a text whose JSON takes at most `room` bytes without its quotes. It never splits a surrogate pair. */
export function cutToJsonBytes(text: string, room: number): string {
  return text.slice(0, measure(text, room).end);
}

/**
 * Cuts texts so that their JSON takes at most `room` bytes in total. Shorter texts stay whole; the longest get equal shares of
 * the rest.
 */
export function shareJsonBytes(texts: readonly string[], room: number): string[] {
  const shares = [...texts];
  const byLength = texts.map((text, index) => ({ index, text, bytes: jsonBytes(text) }));
  byLength.sort((a, b) => a.bytes - b.bytes);
  let left = room;
  for (const [rank, { index, text, bytes }] of byLength.entries()) {
    const share = Math.max(0, Math.floor(left / (byLength.length - rank)));
    const cut = bytes <= share ? { end: text.length, bytes } : measure(text, share);
    shares[index] = text.slice(0, cut.end);
    left -= cut.bytes;
  }
  return shares;
}

/** Control characters with an escape of two bytes: backspace, tab, line feed, form feed, carriage return. */
const SHORT_ESCAPES = new Set([8, 9, 10, 12, 13]);

/**
 * Adds up the JSON bytes of the characters and stops at the first one that does not fit. JSON.stringify writes a lone surrogate
 * as `\udXXX`, six bytes.
 */
function measure(text: string, room: number): { end: number; bytes: number } {
  let bytes = 0;
  let end = 0;
  while (end < text.length) {
    const unit = text.charCodeAt(end);
    let units = 1;
    let size = 3;
    if (unit < 0x20) size = SHORT_ESCAPES.has(unit) ? 2 : 6;
    else if (unit === 0x22 || unit === 0x5c) size = 2;
    else if (unit < 0x80) size = 1;
    else if (unit < 0x800) size = 2;
    else if (isSurrogate(unit)) {
      const isPair = unit < 0xdc00 && isLowSurrogate(text.charCodeAt(end + 1));
      units = isPair ? 2 : 1;
      size = isPair ? 4 : 6;
    }
    if (bytes + size > room) break;
    bytes += size;
    end += units;
  }
  return { end, bytes };
}

const isSurrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdfff;
const isLowSurrogate = (unit: number) => unit >= 0xdc00 && unit <= 0xdfff;
