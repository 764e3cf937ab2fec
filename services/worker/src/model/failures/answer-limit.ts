// PURE
import { isContextOverflow, promptFromOverflow, windowFromOverflow } from "./context-overflow.ts";
import { errorWords } from "./error-text.ts";

/** The limit of tokens in an answer, as read from a server's refusal of a higher one. */
export interface AnswerLimit {
  tokens: number;
  /** True for the server's own maximum; false for what this prompt leaves of the window, or what the balance affords. */
  lasts: boolean;
}

/** How servers name the limit that a request states. */
const NAMED =
  /max[_ ]?(new_|completion_|output_)?tokens|maxOutputTokens|(completion|output) tokens|maximum (number of )?tokens (you )?requested/i;
const TOO_LARGE =
  /too (large|high|big|many)|at most|up to|maximum|max(imum)? (value|allowed)|less than|lower than|smaller than|greater than|exceed|range|limit|<=|>|超/i;
/** A refusal of the parameter itself. */
const UNKNOWN =
  /unsupported|not supported|unrecognized|unknown|unexpected|extra (inputs|fields)|not permitted|not allowed|does not (support|accept)|instead/i;
/** A number that is not part of a model's name, a date or a version. */
const NUMBER = /(?<![\w.-])\d[\d_,]*(?![\w-]|\.\d)/g;
/** OpenRouter: "You requested up to 16384 tokens, but can only afford 1000". */
const AFFORDABLE = /can only afford (\d+)/i;
/** Divisor of the requested limit when the error states no maximum. */
const DIVISOR_WITHOUT_MAXIMUM = 4;

/**
 * Reads the limit from a server's refusal: what the window leaves beside the prompt, what the balance affords, or its own maximum.
 * @param asked the limit that the refused request stated
 * @returns null when the refusal is about something else
 */
export function answerLimitIn(error: unknown, asked: number): AnswerLimit | null {
  const words = errorWords(error);
  const text = typeof error === "object" && error !== null ? `${words} ${JSON.stringify(error)}` : words;
  const afforded = Number(AFFORDABLE.exec(text)?.[1] ?? 0);
  if (afforded > 0 && afforded < asked) return { tokens: afforded, lasts: false };
  const window = windowFromOverflow(error, text);
  const prompt = promptFromOverflow(error, text);
  if (window !== null && prompt !== null)
    return prompt < window && prompt + asked > window ? { tokens: window - prompt, lasts: false } : null;
  if (isContextOverflow(error, text) || !NAMED.test(text) || !TOO_LARGE.test(text)) return null;
  const numbers = [...words.matchAll(NUMBER), ...text.matchAll(NUMBER)].map(([digits]) =>
    Number(digits.replaceAll(/[_,]/g, "")),
  );
  const most = Math.max(...numbers.filter((number) => number >= 16 && number < asked));
  const isExclusive = new RegExp(`(lower|less|smaller) than \\W?${most}\\b|${most} \\(exclusive`, "i").test(text);
  if (most > 0) return { tokens: isExclusive ? most - 1 : most, lasts: true };
  return UNKNOWN.test(text) ? null : { tokens: Math.floor(asked / DIVISOR_WITHOUT_MAXIMUM), lasts: true };
}

/** Whether a server refuses the parameter that states the limit, whatever its value. */
export function refusesAnswerLimit(body: string): boolean {
  const near = `(max_(completion_)?tokens).{0,120}(${UNKNOWN.source})|(${UNKNOWN.source}).{0,120}max_(completion_)?tokens`;
  return new RegExp(near, "is").test(body);
}
