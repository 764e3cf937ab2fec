import { isUtf8 } from "node:buffer";
import type { FileHandle } from "node:fs/promises";
import { readStart } from "./read-start.ts";

/** A label of the WHATWG Encoding Standard that Node's TextDecoder knows. `UTF-8` includes ASCII and partly invalid UTF-8. */
export type Encoding = string;
export const UTF_8: Encoding = "UTF-8";

/** Characters 0x80 to 0x9f. Node 20 decodes windows-1252 as ISO-8859-1: https://github.com/nodejs/node/issues/56542 */
const WINDOWS_1252 = "€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ";

/** Returns a function that decodes consecutive pieces; `more` is true for all but the last. */
export function createDecoder(encoding: Encoding, fatal = false): (bytes?: Buffer, more?: boolean) => string {
  const decoder = new TextDecoder(encoding, { fatal });
  return (bytes, more = false) => {
    const text = decoder.decode(bytes, { stream: more });
    if (encoding !== DEFAULT_LEGACY) return text;
    return text.replace(/[\x80-\x9f]/g, (char) => WINDOWS_1252[char.charCodeAt(0) - 0x80] ?? char);
  };
}

/** As in git, a NUL within the first bytes makes a file binary, except in UTF-16 and in valid UTF-8 in which NUL is rare. */
const HEAD_BYTES = 8000;
/** Only this much of a file is examined. */
const JUDGED_BYTES = 2 * 1024 * 1024;
/** The detector needs little text, and takes about a millisecond for each KiB. */
const DETECTED_BYTES = 4096;
/** A file with a larger share of control characters is not text. */
const CONTROL_SHARE = 0.05;
/** Half of the bytes of ASCII in UTF-16 are NUL. In a small UTF-8 text even a single NUL is a considerable share. */
const NUL_SHARE = 0.25;

/** Detects the encoding of an open file. Without a byte order mark, any encoding other than UTF-8 is a guess. */
export async function readEncoding(handle: FileHandle): Promise<Encoding | "empty" | "binary"> {
  const head = await readStart(handle, HEAD_BYTES);
  if (head.length === 0) return "empty";
  const { size } = await handle.stat();
  if (size <= head.length || head.includes(0)) return detectEncoding(head, size <= head.length);
  return detectEncoding(await readStart(handle, JUDGED_BYTES), size <= JUDGED_BYTES);
}

/** @param whole whether `bytes` is the whole file; the beginning of one may end within a character */
export async function detectEncoding(bytes: Buffer, whole: boolean): Promise<Encoding | "binary"> {
  const marked = encodingOfMark(bytes);
  if (marked !== null) return marked;
  const head = bytes.subarray(0, HEAD_BYTES);
  const isText = controlShare(head) <= CONTROL_SHARE;
  if (head.includes(0)) {
    const nuls = head.filter((byte) => byte === 0).length / head.length;
    if (isText && nuls <= NUL_SHARE && isUtf8(head.length < bytes.length || !whole ? withoutCutCharacter(head) : head))
      return UTF_8;
    return (bytes.length % 2 === 0 || !whole ? detectUtf16(head) : null) ?? "binary";
  }
  if (isUtf8(whole ? bytes : withoutCutCharacter(bytes))) return UTF_8;
  if (!isText) return "binary";
  return isMostlyUtf8(bytes) ? UTF_8 : detectLegacy(bytes, whole);
}

/** Whether a file that begins with these bytes begins with a byte order mark. */
export const hasByteOrderMark = (bytes: Buffer): boolean => encodingOfMark(bytes) !== null;

function encodingOfMark(bytes: Buffer): Encoding | "binary" | null {
  const mark = bytes.toString("latin1", 0, 4);
  // UTF-32 is not decoded: no source code is written in it.
  if (mark === "\xff\xfe\0\0" || mark === "\0\0\xfe\xff") return "binary";
  if (mark.startsWith("\xff\xfe")) return "UTF-16LE";
  if (mark.startsWith("\xfe\xff")) return "UTF-16BE";
  return mark.startsWith("\xef\xbb\xbf") ? UTF_8 : null;
}

/** Returns UTF-8 without the incomplete character at its end. */
function withoutCutCharacter(bytes: Buffer): Buffer {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] as number;
    if (byte >= 0xc0) return byte >= 0x100 - (0x80 >> back) ? bytes.subarray(0, -back) : bytes;
    if (byte < 0x80) return bytes;
  }
  return bytes;
}

/** Excludes NUL. */
function controlShare(bytes: Buffer): number {
  let controls = 0;
  // Text may contain tab to carriage return, and escape (for colours).
  for (const byte of bytes)
    if ((byte < 0x20 && byte !== 0 && (byte < 0x09 || byte > 0x0d) && byte !== 0x1b) || byte === 0x7f) controls++;
  return controls / bytes.length;
}

/** Whether a text is UTF-8 apart from a few stray bytes: in other encodings, whole UTF-8 characters are very rare. */
function isMostlyUtf8(bytes: Buffer): boolean {
  const text = bytes.toString("utf8");
  const broken = text.match(/\uFFFD/g)?.length ?? 0;
  const valid = text.match(/[^\0-\x7f\uFFFD]/g)?.length ?? 0;
  return valid >= 2 * broken;
}

/**
 * Detects UTF-16 without a byte order mark: the byte order that yields more ASCII, provided that it yields text. In the other order
 * ASCII letters become rare ideographs, and line feeds are unassigned code points.
 */
function detectUtf16(bytes: Buffer): Encoding | null {
  const sample = bytes.subarray(0, bytes.length - (bytes.length % 2));
  const orders = ["UTF-16LE", "UTF-16BE"].map((encoding) => {
    const text = decodeStrictly(sample, encoding, false) ?? "\0";
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
    const isText = !/[\0-\x08\x0e-\x1a\x1c-\x1f\p{Cn}\p{Co}]/u.test(text);
    return { encoding, isText, ascii: text.match(/[\t\n\r -~]/g)?.length ?? 0 };
  });
  const [best, other] = orders.sort((a, b) => b.ascii - a.ascii);
  return best?.isText && other && best.ascii > other.ascii ? best.encoding : null;
}

/** @returns null when the bytes are not in this encoding. Unless they are `whole`, the last character may be cut */
function decodeStrictly(bytes: Buffer, encoding: Encoding, whole: boolean): string | null {
  try {
    return createDecoder(encoding, true)(bytes, !whole);
  } catch {
    return null;
  }
}

/** The encodings in which source code is found, by the detector's name for each. */
const LABELS: Record<string, Encoding> = {
  GB18030: "GBK",
  Big5: "Big5",
  CP932: "Shift_JIS",
  SHIFT_JIS: "Shift_JIS",
  "EUC-JP": "EUC-JP",
  CP949: "EUC-KR",
  "EUC-KR": "EUC-KR",
  "Windows-1251": "windows-1251",
  "KOI8-R": "KOI8-R",
  "koi8-u": "KOI8-U",
  "Windows-1252": "windows-1252",
  "Windows-1250": "windows-1250",
  "ISO-8859-2": "ISO-8859-2",
  "Windows-1253": "windows-1253",
  "Windows-1254": "windows-1254",
  "Windows-1255": "windows-1255",
  "Windows-1256": "windows-1256",
  "Windows-1257": "windows-1257",
  "ISO-8859-5": "ISO-8859-5",
  CP874: "windows-874",
  "TIS-620": "windows-874",
};
const DEFAULT_LEGACY = "windows-1252";
const FEW_LETTERS = 4;
const LATIN = [DEFAULT_LEGACY, "windows-1250", "ISO-8859-2", "windows-1254", "windows-1257"];

async function detectLegacy(bytes: Buffer, whole: boolean): Promise<Encoding> {
  // Loaded on demand: its model takes 50 MB.
  const { detectAll } = await import("jschardet");
  // Only words with non-ASCII bytes: the others tell nothing about the encoding and would dominate in source code.
  const words = bytes.toString("latin1").match(/[^\s"'(){};,.:=<>]*[\x80-\xff][^\s"'(){};,.:=<>]*/g) ?? [];
  const sample = Buffer.from(words.join(" ").slice(0, DETECTED_BYTES), "latin1");
  const names = detectAll(sample).map(({ encoding }) => encoding ?? "");
  if (isKana(decodeStrictly(bytes, "Shift_JIS", whole))) return "Shift_JIS";
  // The DOS encoding is accepted only as the detector's first guess.
  if (names[0] === "IBM866") return "IBM866";
  const guesses = names.flatMap((name) => LABELS[name] ?? []);
  const found = guesses.find((encoding) => {
    const text = decodeStrictly(bytes, encoding, whole);
    return text !== null && !/[\x80-\x9f\p{Co}]/u.test(text) && (LATIN.includes(encoding) || !mixesScripts(text));
  });
  if (found === undefined) return DEFAULT_LEGACY;
  if (!LATIN.includes(found)) return found;
  // Latin encodings agree on most letters, and a few letters prove little: then the default is returned.
  const isFew = sample.filter((byte) => byte >= 0x80).length <= FEW_LETTERS;
  return isFew || createDecoder(found)(bytes) === createDecoder(DEFAULT_LEGACY)(bytes) ? DEFAULT_LEGACY : found;
}

/** Whether most of a text, ASCII aside, is kana. The detector misses such texts in Shift_JIS. */
function isKana(text: string | null): boolean {
  const kana = text?.match(/[\u3041-\u30ff]/g)?.length ?? 0;
  return kana > 0 && kana * 2 >= (text?.match(/[^\0-\x7f]/g)?.length ?? 0);
}

/** Whether most non-ASCII letters stand alone in ASCII words. Accented Latin letters do; those of other scripts do not. */
function mixesScripts(text: string): boolean {
  const runs = text.match(/[^\0-\x7f]+/g)?.length ?? 0;
  const mixed =
    text.match(
      /(?<=[A-Za-z])[^\0-\x7f]+(?=[A-Za-z])|(?<![^\0-\x7f])[^\0-\x7f](?=[a-z])|(?<=[a-z])[^\0-\x7f](?![^\0-\x7f])/g,
    )?.length ?? 0;
  return mixed * 2 > runs;
}
