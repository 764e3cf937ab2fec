import { asObject, count, filled } from "../json-value.ts";
import { errorWords } from "./error-text.ts";

const OVERFLOW_CODES = new Set(["exceed_context_size_error", "context_length_exceeded", "context_window_exceeded"]);

/** How llama.cpp, vLLM, OpenAI, LM Studio, Ollama and Anthropic report that a conversation exceeds the window. */
const OVERFLOW_WORDS = [
  /exceed(s|ed)?\b.{0,60}\bcontext (size|length|window|limit)/i,
  /context (size|length|window|limit).{0,40}\bexceed/i,
  /maximum context length/i,
  /context length (is|of) only/i,
  /(greater|longer|larger) than the (model's )?(maximum )?context (length|size|window)/i,
  /prompt is too long/i,
  /input token count.{0,40}exceeds/i,
  // TGI and Together: "`inputs` tokens + `max_new_tokens` must be <= 8192".
  /inputs.{0,20}max_new_tokens.{0,20}must be/i,
  /`inputs` must have less than/i,
  // vLLM's maximum model length, xAI's and TensorRT's maximum of the prompt, GitHub Models.
  /longer than the maximum model length/i,
  /maximum prompt length is/i,
  /prompt length.{0,20}exceeds/i,
  /prompt token count.{0,20}exceeds/i,
  // Moonshot, DashScope, Zhipu, Bedrock, Cohere, ExLlama.
  /exceeded model token limit/i,
  /range of input length should be/i,
  /(prompt|输入|上下文).{0,10}(超长|过长)/i,
  /input is too long/i,
  /tokens in the prompt cannot exceed/i,
  /context length \d+ is greater than/i,
];

const WINDOW_IN_WORDS = [
  // Anthropic: "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000".
  /\d+ \+ \d+ > (\d+)/,
  /(\d+) maximum context length/i,
  /context length (?:is|of)(?: only)? (\d+)/i,
  /maximum number of tokens allowed \((\d+)\)/i,
  /> (\d+) maximum/i,
  /context (?:size|window|length) \((\d+)(?: tokens)?\)/i,
  /context (?:size|window|length|limit)(?: is| of|:)? (\d+)\b(?! is greater)/i,
  /max_new_tokens\W{1,4}must be <= (\d+)/i,
  /`inputs` must have less than (\d+)/i,
  /maximum (?:model|prompt) length (?:is|of) (\d+)/i,
  /maximum input length \((\d+)\)/i,
  /exceeds the limit of (\d+)/i,
  /model token limit: (\d+)/i,
  /input length should be \[\d+, ?(\d+)\]/i,
  /in the prompt cannot exceed (\d+)/i,
  /greater than max_seq_len (\d+)/i,
];

/**
 * @param error the server's error object or text
 * @param text the error's whole text, because the lines that are shown may lack the numbers
 */
export function isContextOverflow(error: unknown, text: string): boolean {
  const { type, code } = asObject(error);
  if (OVERFLOW_CODES.has(String(type)) || OVERFLOW_CODES.has(String(code))) return true;
  return OVERFLOW_WORDS.some((words) => words.test(text));
}

/** The window's size, if the overflow error contains it. */
export function windowFromOverflow(error: unknown, text: string): number | null {
  const told = count(asObject(error).n_ctx);
  if (told) return told;
  const match = WINDOW_IN_WORDS.map((words) => words.exec(text)).find((found) => found !== null);
  return Number(filled(match?.[1])) || null;
}

const PROMPT_IN_WORDS = [
  /passed (\d+) input tokens/i,
  /resulted in (\d+) tokens/i,
  /prompt (?:contains|has|is)[^\d]{0,20}(\d+)/i,
  // vLLM: "your request has 5000 input tokens (4000 > 8192 - 5000)".
  /\bhas (?:at least )?(\d+) input tokens/i,
  // OpenAI and DeepSeek: "you requested 9000 tokens (5000 in the messages, 4000 in the completion)"; OpenRouter: "of text input".
  /\((\d+) (?:tokens )?(?:in|from|of) (?:the |your |text )?(?:messages|prompt|input)/i,
  // SGLang: "5000 tokens from the input messages and 4000 tokens for the completion".
  /(\d+) tokens from the input/i,
  /given: (\d+) `?inputs/i,
  /(\d+) \+ \d+ > \d+/,
];

/** The number of tokens that the server counted in the rejected request, if the error contains it. */
export function promptFromOverflow(error: unknown, text: string): number | null {
  const told = count(asObject(error).n_prompt_tokens);
  if (told) return told;
  const match = PROMPT_IN_WORDS.map((words) => words.exec(text)).find((found) => found !== null);
  return Number(filled(match?.[1])) || null;
}

/** Records the window's size if an error contains it. */
export function learnWindow(learn: (model: string, size: number) => void, model: string, error: unknown): void {
  const text = errorWords(error);
  const size = isContextOverflow(error, text) ? windowFromOverflow(error, text) : null;
  if (size !== null) learn(model, size);
}
