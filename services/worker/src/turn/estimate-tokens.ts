// PURE

/** Bounds of the tokens in a text: hardly any tokenizer in use counts many more than `most`, or fewer than `least`. */
export interface TokenEstimate {
  most: number;
  least: number;
}

/**
 * Tokenizers first split a text into words, digits, symbols and whitespace, and no token crosses these. So each class has its own
 * rates, measured with the tokenizers of Qwen 3, Llama 3, Gemma 3, DeepSeek V3 and GPT-4o: see `estimate-tokens.test.ts`.
 */
const LOWER = 1;
const UPPER = 2;
const DIGIT = 3;
/** A symbol that occurs inside base64, UUIDs and identifiers. */
const JOIN = 4;
const SYMBOL = 5;
const BLANK = 6;
const OTHER = 7;

/** The class of each ASCII character. */
const ASCII = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  if (/[a-z]/.test(character)) return LOWER;
  if (/[A-Z]/.test(character)) return UPPER;
  if (/\d/.test(character)) return DIGIT;
  if (/\s/.test(character)) return BLANK;
  if ("+/-_=".includes(character)) return JOIN;
  return /[!-~]/.test(character) ? SYMBOL : OTHER;
});
const classOf = (code: number) => (code < 128 ? (ASCII[code] as number) : OTHER);

/** Tokens per non-ASCII UTF-16 code unit, by Unicode block; at most three, its bytes in UTF-8. */
const BLOCKS: readonly [end: number, most: number][] = [
  [0x0250, 1.1], // Latin with diacritics
  [0x0370, 1.2], // combining marks
  [0x0400, 1], // Greek
  [0x0530, 0.55], // Cyrillic
  [0x0590, 1.9], // Armenian
  [0x0600, 1.15], // Hebrew
  [0x0900, 0.7], // Arabic
  [0x0980, 1.15], // Devanagari
  [0x0e00, 1.5], // the other scripts of India
  [0x0e80, 1], // Thai
  [0x1100, 2.1], // Lao, Tibetan, Burmese, Georgian
  [0x1e00, 2.7], // Ethiopic, Khmer and others
  [0x2000, 1.1], // Vietnamese
  [0x2070, 1], // punctuation
  [0x2800, 1.6], // arrows, mathematics, boxes, symbols
  [0x2900, 3], // Braille
  [0x3000, 1.6],
  [0x3400, 1.1], // kana
  [0xd800, 1], // Chinese characters, Hangul
  [0xe000, 1.6], // one half of a pair: emoji
  [0xf900, 3],
  [0x10000, 1.9], // wide and narrow forms
];
/** Rates in text that is not natural language, such as random text, where most characters have no token of their own. */
const RARE = { han: 1.9, hangul: 2.4 };

export function estimateTokens(text: string): TokenEstimate {
  const sum: TokenEstimate = { most: 0, least: 0 };
  let at = 0;
  const ideographs = { seen: new Set<number>(), han: 0, hangul: 0 };

  /** @returns the end of the run of identical characters that begins at `start` */
  const sameUntil = (start: number) => {
    const code = text.charCodeAt(start);
    let end = start + 1;
    while (end < text.length && text.charCodeAt(end) === code) end++;
    return end;
  };

  while (at < text.length) {
    const code = text.charCodeAt(at);
    const kind = classOf(code);
    const start = at;
    if (kind === BLANK) {
      let lines = 0;
      let returns = 0;
      let indent = 0;
      for (; at < text.length; at++) {
        const blank = text.charCodeAt(at);
        if (classOf(blank) !== BLANK) break;
        if (blank === 10) {
          lines++;
          indent = 0;
        } else if (blank === 13) returns++;
        else indent++;
      }
      // A single space is part of the word after it, but not of a number.
      const next = at < text.length ? classOf(text.charCodeAt(at)) : OTHER;
      if (lines + returns > 0) sum.most += 1 + (lines - 1) / 16 + returns;
      if (indent > 1) sum.most += 0.7 + (at - start) / 16;
      else if (next === DIGIT) sum.most += 1;
      if (at - start > 1) sum.least += 0.3;
    } else if (kind === SYMBOL || kind === JOIN) {
      at = sameUntil(at);
      sum.most += 0.7 + (at - start - 1) / 10;
      sum.least += 0.3;
    } else if (kind === OTHER) {
      const rate = code < 128 ? 1 : (BLOCKS.find(([end]) => code < end)?.[1] ?? 3);
      const isIdeograph = code >= 0x3400 && code < 0xd800;
      if (isIdeograph) {
        at++;
        ideographs.seen.add(code);
        ideographs[code < 0xac00 ? "han" : "hangul"]++;
        sum.most += rate;
      } else {
        at = code >= 0x2000 && code < 0x2e00 ? sameUntil(at) : at + 1;
        sum.most += rate * (1 + (at - start - 1) / 8);
      }
      sum.least += code >= 0x2e00 && code < 0xd800 ? 0.4 : 0.15;
    } else {
      at = addWord(sum, text, start);
    }
  }
  const { seen, han, hangul } = ideographs;
  // In natural language the number of distinct characters grows with the square root of the length.
  if (seen.size > 16 * Math.sqrt(han + hangul)) sum.most += han * (RARE.han - 1) + hangul * (RARE.hangul - 1);
  return { most: Math.ceil(sum.most), least: Math.floor(sum.least) };
}

/**
 * Adds a run of letters, digits, and the symbols that join them to a sum: words, identifiers, numbers, hex, base64. Most characters of a
 * prompt pass through here, so it allocates nothing.
 * @returns the end of the run
 */
function addWord(sum: TokenEstimate, text: string, start: number): number {
  let most = 0;
  let letters = 0;
  let capitals = 0;
  let digits = 0;
  let parts = 0;
  let all = 0;
  let last = 0;
  let end = start;
  for (; end < text.length; end++) {
    const kind = classOf(text.charCodeAt(end));
    if (kind === LOWER || kind === UPPER) {
      if (kind === UPPER ? last !== UPPER : last !== LOWER && last !== UPPER) {
        most += tokensOfPart(letters, capitals);
        letters = 0;
        capitals = 0;
        parts++;
      }
      letters++;
      all++;
      if (kind === UPPER) capitals++;
    } else {
      most += tokensOfPart(letters, capitals);
      letters = 0;
      capitals = 0;
      if (kind === DIGIT) {
        // Some tokenizers make a token of each digit, others of three digits.
        most++;
        digits++;
        parts += last === DIGIT ? 1 : 2;
      } else if (kind === JOIN && end + 1 < text.length && classOf(text.charCodeAt(end + 1)) <= DIGIT) most += 0.7;
      else break;
    }
    last = kind;
  }
  most += tokensOfPart(letters, capitals);
  const length = end - start;
  // No identifier has so many parts; hex and base64 do.
  if (length >= 16 && parts / length >= 0.3) most = Math.max(most, digits + (length - digits) * 0.75);
  sum.most += most;
  sum.least += all * 0.1 + digits * 0.3;
  return end;
}

/** Beyond the length of a word, letters are random, and hardly two of them form a token. */
function tokensOfPart(letters: number, capitals: number): number {
  if (letters === 0) return 0;
  const rate = capitals > 1 ? 0.38 : 0.3;
  return letters <= 16 ? Math.max(1, letters * rate) : Math.max(1, 16 * rate) + (letters - 16) * 0.55;
}
