import { type CallReader, type CallSource, matchAt, NAME, type Reading } from "./call-source.ts";
import { endOfJson, toArguments } from "./json-calls.ts";

/** A call that consists of a head with the tool's name, the arguments as a JSON object, and an optional tail. */
interface HeadedForm {
  head: RegExp;
  tail: RegExp;
  /** The head consists of special tokens, with which no answer begins by chance. */
  hasTokens: boolean;
}

/** Chat templates write DeepSeek's tokens with different characters. */
const token = (words: string) => `<[|｜]${words.replaceAll(" ", "(?:▁|_|\\\\_| )")}[|｜]>`;
const BLANK = "\\s{0,20}";
const FENCE = `(?:\`\`\`\\w{0,10}${BLANK})?`;

const form = (head: string, tail = ""): HeadedForm => ({
  head: new RegExp(head.replaceAll("NAME", `(?<name>${NAME})`), "y"),
  tail: new RegExp(`(?:${BLANK}(?:${tail}))?`, "y"),
  hasTokens: tail !== "",
});

const DEEPSEEK: readonly HeadedForm[] = [
  // V3: the type, the name on its own line, fenced arguments.
  form(
    `(?:${token("tool call begin")})?${BLANK}function${BLANK}${token("tool sep")}${BLANK}NAME${BLANK}${FENCE}`,
    `(?:\`\`\`)?${BLANK}(?:${token("tool call end")})?`,
  ),
  // V3.1: the name, bare arguments.
  form(
    `(?:${token("tool call begin")})?${BLANK}NAME${BLANK}${token("tool sep")}${BLANK}${FENCE}`,
    `(?:\`\`\`)?${BLANK}(?:${token("tool call end")})?`,
  ),
];

const KIMI = form(
  `<\\|tool_call_begin\\|>${BLANK}NAME${BLANK}<\\|tool_call_argument_begin\\|>${BLANK}`,
  "<\\|tool_call_end\\|>",
);

/** A header names the recipient before or after the channel. The model ends a call with `<|call|>`. */
const HARMONY = ["<\\|channel\\|>\\w{0,12} to=NAME", "to=NAME<\\|channel\\|>\\w{0,12}"].map((header) =>
  form(
    `(?:<\\|start\\|>)?(?:assistant)?${BLANK}${header}[^<\\n]{0,30}(?:<\\|constrain\\|>[^<\\n]{0,20})?<\\|message\\|>${BLANK}`,
    "<\\|(?:call|end|return)\\|>",
  ),
);

const MISTRAL = form(`NAME(?:\\[CALL_ID\\]\\w{1,60})?\\[ARGS\\]${BLANK}`);
/** After `[TOOL_CALLS]` the token between name and arguments may be missing. */
const MISTRAL_BARE = form(`NAME(?:\\[CALL_ID\\]\\w{1,60})?${BLANK}(?=\\{)`);

/** Forms that are recognized without a marker around them. */
export const readHeadedCalls: CallReader = readForms([...DEEPSEEK, KIMI, ...HARMONY, MISTRAL]);

/** The forms that need a marker in front of them. */
export const readBareHeadedCalls: CallReader = readForms([MISTRAL_BARE]);

function readForms(forms: readonly HeadedForm[]): CallReader {
  return (source, at) => {
    const { text } = source;
    for (const { head, tail, hasTokens } of forms) {
      const match = matchAt(head, text, at);
      if (!match) continue;
      const from = at + match[0].length;
      if (from === text.length) return "open";
      if (text[from] !== "{" && !hasTokens) continue;
      if (text[from] !== "{") return readBroken(source, from, match.groups?.name ?? "");
      const end = endOfJson(text, from);
      if (end === null) return "open";
      const call = { name: match.groups?.name ?? "", arguments: toArguments(text.slice(from, end)) };
      return { calls: [call], end: end + (matchAt(tail, text, end)?.[0].length ?? 0) };
    }
    return null;
  };
}

/** The tokens that end a call or a message. */
const END = /<[|｜][^<>\s]{0,40}(?:end|call|return)[|｜]>/g;

function readBroken({ text, isEnd }: CallSource, from: number, name: string): Reading {
  const end = matchAt(END, text, from);
  if (!end && !isEnd) return "open";
  return { calls: [{ name, arguments: null }], end: end ? end.index + end[0].length : text.length };
}
