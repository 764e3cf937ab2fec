import type { ModelRequest } from "./ports.ts";

const MAX_NAME_LENGTH = 80;
const EXCERPT = 2_000;
const MAX_WORDS = 8;
/** Enough for a title, and for the reasoning of a model that cannot answer without. */
const MAX_TOKENS = 1_000;

/** The request for a title of a conversation. */
export function namingRequest(model: string | null, question: string, answer: string): ModelRequest {
  return {
    model,
    system:
      "You give a conversation a title of at most six words. Answer with the title alone: no quotes, no full stop.",
    messages: [
      {
        role: "user",
        content: `Give this conversation a title.\n\nQuestion:\n${question.slice(0, EXCERPT)}\n\nAnswer:\n${answer.slice(0, EXCERPT)}`,
      },
    ],
    tools: [],
    toolChoice: "none",
    maxTokens: MAX_TOKENS,
    inBackground: true,
  };
}

/** Thoughts in the tags of various models, closed or not. */
const THOUGHTS =
  /(<(think|thinking|thought|reasoning|seed:think)>|\[THINK\]|◁think▷)[\s\S]*?(<\/\2>|\[\/THINK\]|◁\/think▷|$)/gi;
const TAGS = /<\|channel\|>\w+(?=<\|)|<\|im_start\|>\w*|\[\/?title\]|<\/?[a-z][\w:-]*\/?>|<\|[\w-]+\|>/gi;
const MARKUP_AROUND =
  /^[\s#>*_"'`“”„‘’«»「『《【•–—-]+|^\p{Extended_Pictographic}\uFE0F?\s+|[\s*_"'`“”„‘’«»」』》】]+$/gu;
const BOXED = /\\(?:boxed|text|title|textbf)\{([^{}]*)\}/g;
const NUMBER_BEFORE = /^\d{1,2}[.)]\s+/;
const LABEL =
  /^(?:(?:the|a|my|suggested|proposed|short|concise|conversation|chat|session|final|new|best|generated|possible|\w+-word)\s+)*(?:title|name|topic|subject|headline|answer|assistant|titel|titre|título|titolo|заголовок|название|标题|標題|题目|タイトル|題名|제목)(?:\s+(?:suggestion|idea)|\s*\(\d+ words?\)|\s+\d)?(?:\s+(?:is|would be|could be))?\s*(?:[:：=]|[-–—]\s|(?<=is|be)\s)\s*/i;
/** A sentence that introduces the title, up to its colon or the end of the line. */
const PREAMBLE =
  /^(?:(?:sure|certainly|of course|okay|ok|absolutely|great)\b[^:\w]*)?(?:(?:here(?:'s| is| are| you go| it is)|i (?:would|'d) (?:suggest|propose|call)|i (?:suggest|propose)|based on|a (?:good|fitting|suitable|possible|short|concise)|the following|(?:this|the) (?:conversation|chat|session) (?:could|can|might|may|should) be (?:titled|called|named|entitled)|this conversation|possible titles?|let(?:'|’)s call (?:it|this)|how about|my suggestion|i(?: would|'d) title|i think a|hier ist|voici|aquí|ecco)\b[^:]*(?::|$)|$)\s*/i;
/** `I'd call it "Auth flow".` */
const QUOTED =
  /^(?:i(?:'d| would)|let(?:'|’)s|(?:this|the) (?:conversation|chat|session)|(?:a|the) title)\b[^"“]*\b(?:call|titled?|named?|entitled|is|be)\b[^"“]*["“]([^"”]+)["”]\W*$/i;
/** A line of reasoning before the title. */
const THOUGHT_ALOUD =
  /^(?:(?:okay|ok|alright|hmm|so|well),? )?(?:the user|let me|i need|i should|i will|i'll|we need|we should|let's)\b.*[.:!]$/i;
const INTERJECTION = /^(?:sure(?: thing)?|certainly|of course|absolutely|great)!\s+(?=\S)/i;
const BRACKETS = /^[[({]([^[\](){}]+)[\])}]$/;
const NOTE_AFTER = /\s*\((?:\d+ words?|title)\)$/i;

/**
 * The title in a model's answer, without what models put around one: thoughts, a sentence that introduces it, a label, a fence,
 * JSON, tags, Markdown, quotes, a full stop.
 * @returns null if there is none
 */
export function cleanName(text: string): string | null {
  const bare = text
    .replaceAll(THOUGHTS, "")
    .replaceAll(/^\s*(?:```|~~~)[\w-]*\s*$|```/gm, "")
    .trim()
    .replace(/^json\s+(?=\{)/i, "");
  const lines = (titleInJson(bare) ?? bare)
    .replaceAll(TAGS, "")
    .replaceAll(BOXED, "$1")
    .split("\n")
    .filter((line) => line.trim() !== "");
  const first = lines.findIndex((line, index) => index === lines.length - 1 || !THOUGHT_ALOUD.test(line.trim()));
  const cleaned = lines
    .slice(Math.max(0, first))
    .map(cleanLine)
    .filter((line, index, all) => index === all.length - 1 || !/^(?:title|name)$/i.test(line));
  return shorten(cleaned.find((line) => /[\p{L}\p{N}]/u.test(line)) ?? "");
}

/** A name for a session whose model gave none: the first words of its question. */
export function nameFromQuestion(question: string): string | null {
  const line = question
    .replaceAll(/```[\s\S]*?(```|$)|\[\[[\s\S]*?\]\]/g, " ")
    .split("\n")
    .map((each) => stripped(each))
    .find((each) => /[\p{L}\p{N}]/u.test(each));
  return shorten(
    (line ?? "")
      .split(/\s+/)
      .slice(0, MAX_WORDS)
      .join(" ")
      .replace(/[,;:.]+$/, ""),
  );
}

function titleInJson(text: string): string | null {
  if (!/^[[{"]/.test(text)) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // It may be a Python dictionary.
    return /["']\w*(?:title|name)["']\s*:\s*(["'])(.+?)\1\s*(?:[,}]|$)/is.exec(text)?.[2] ?? null;
  }
  return titleIn(value);
}

function titleIn(value: unknown): string | null {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return titleIn(value[0]);
  if (typeof value !== "object" || value === null) return null;
  const fields = Object.entries(value);
  const titled = fields.find(([key]) => /title|name|topic|subject/i.test(key)) ?? fields[0];
  return titled ? titleIn(titled[1]) : null;
}

function cleanLine(line: string): string {
  const told = line.trim().replace(INTERJECTION, "");
  let clean = QUOTED.exec(told)?.[1] ?? stripped(told.replace(BRACKETS, "$1"));
  // One after the other, as they can be nested: `Sure! Here is the title: **Title: "Auth flow"**`.
  for (let before = ""; before !== clean; ) {
    before = clean;
    clean = stripped(stripped(clean.replace(PREAMBLE, "")).replace(LABEL, ""));
  }
  return stripped(clean.replace(NOTE_AFTER, "")).replace(/[\s.。"'`“”„‘’«»」』》】]+$/, "");
}

const stripped = (text: string) =>
  text
    .replaceAll(/[\p{Cc}\p{Cs}]/gu, "")
    .replaceAll(MARKUP_AROUND, "")
    .replace(NUMBER_BEFORE, "")
    .replaceAll(MARKUP_AROUND, "");

function shorten(line: string): string | null {
  if (line === "") return null;
  const characters = [...line];
  return characters.length <= MAX_NAME_LENGTH ? line : `${characters.slice(0, MAX_NAME_LENGTH - 1).join("")}…`;
}
