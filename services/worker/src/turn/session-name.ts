import type { ModelRequest } from "./ports.ts";

const MAX_NAME_LENGTH = 80;
const EXCERPT = 2_000;
const MAX_WORDS = 8;
/** For a title, and for the thoughts of a model that cannot do without. */
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
const TAGS = /<\/?[a-z][\w:-]*\/?>|<\|[\w-]+\|>/gi;
const MARKUP_AROUND = /^[\s#>*_"'`“”„‘’«»•–—-]+|[\s*_"'`“”„‘’«»]+$/g;
const NUMBER_BEFORE = /^\d{1,2}[.)]\s+/;
const LABEL =
  /^(?:(?:the|a|my|suggested|proposed|short|concise|conversation|chat|session|final|new)\s+)*(?:title|name|topic|subject|headline|titel|titre|título|titolo)(?:\s+(?:is|would be|could be))?\s*(?:[:：=]|[-–—]\s|(?<=is|be)\s)\s*/i;
/** A sentence that introduces the title, up to its colon or the end of the line. */
const PREAMBLE =
  /^(?:(?:sure|certainly|of course|okay|ok|absolutely|great)\b[^:\w]*)?(?:(?:here(?:'s| is| are)|i (?:would|'d) (?:suggest|propose|call)|i (?:suggest|propose)|based on|a (?:good|fitting|suitable|possible|short|concise)|the following|this conversation|how about|my suggestion)\b[^:]*(?::|$)|$)\s*/i;
const NOTE_AFTER = /\s*\((?:\d+ words?|title)\)$/i;

/**
 * The title in a model's answer, without what models put around one: thoughts, a sentence that introduces it, a label, a fence,
 * JSON, tags, Markdown, quotes, a full stop.
 * @returns null if there is none
 */
export function cleanName(text: string): string | null {
  const bare = text
    .replaceAll(THOUGHTS, "")
    .replaceAll(/^\s*```[\w-]*\s*$|```/gm, "")
    .trim();
  const lines = (titleInJson(bare) ?? bare).replaceAll(TAGS, "").split("\n");
  return shorten(lines.map(cleanLine).find((line) => /[\p{L}\p{N}]/u.test(line)) ?? "");
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
    return null;
  }
  const first = Array.isArray(value) ? value[0] : value;
  if (typeof first === "string") return first;
  if (typeof first !== "object" || first === null) return null;
  const fields = Object.entries(first);
  const titled = fields.find(([key]) => /title|name|topic|subject/i.test(key)) ?? fields[0];
  return typeof titled?.[1] === "string" ? titled[1] : null;
}

function cleanLine(line: string): string {
  let clean = stripped(line);
  // One after the other, as they can be nested: `Sure! Here is the title: **Title: "Auth flow"**`.
  for (let before = ""; before !== clean; ) {
    before = clean;
    clean = stripped(stripped(clean.replace(PREAMBLE, "")).replace(LABEL, ""));
  }
  return stripped(clean.replace(NOTE_AFTER, "")).replace(/[\s.。"'`“”„‘’«»]+$/, "");
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
