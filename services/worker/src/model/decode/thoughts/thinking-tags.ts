/** A pair of tags around a part of a model's text, such as its reasoning. */
export interface ThinkingTag {
  open: string;
  close: string;
}

/** Matched case-insensitively. */
export const THINKING_TAGS: readonly ThinkingTag[] = [
  // DeepSeek, Qwen, GLM, MiniMax and most others.
  { open: "<think>", close: "</think>" },
  { open: "<thinking>", close: "</thinking>" },
  // EXAONE Deep, Gemini.
  { open: "<thought>", close: "</thought>" },
  { open: "<thoughts>", close: "</thoughts>" },
  { open: "<reasoning>", close: "</reasoning>" },
  { open: "<reflection>", close: "</reflection>" },
  // Seed-OSS.
  { open: "<seed:think>", close: "</seed:think>" },
  { open: "<longcat_think>", close: "</longcat_think>" },
  // Magistral.
  { open: "[THINK]", close: "[/THINK]" },
  // Kimi-VL.
  { open: "◁think▷", close: "◁/think▷" },
  // Command A.
  { open: "<|START_THINKING|>", close: "<|END_THINKING|>" },
  // OpenThinker, MiniCPM, Apertus, Gemma 4.
  { open: "<|begin_of_thought|>", close: "<|end_of_thought|>" },
  { open: "<|thought_begin|>", close: "<|thought_end|>" },
  { open: "<|inner_prefix|>", close: "<|inner_suffix|>" },
  { open: "<|channel>thought\n", close: "<channel|>" },
];

/** Tags around the answer that follows the reasoning. They are removed. */
export const ANSWER_TAGS: readonly ThinkingTag[] = [
  { open: "<|START_RESPONSE|>", close: "<|END_RESPONSE|>" },
  { open: "<|begin_of_solution|>", close: "<|end_of_solution|>" },
  { open: "<answer>", close: "</answer>" },
  { open: "<response>", close: "</response>" },
];

const FIRST = new Set(THINKING_TAGS.flatMap(({ open, close }) => [open[0], close[0]]));

/** Whether a thinking tag may begin with the character. */
export const mayBeginTag = (character: string) => FIRST.has(character);

/** Whether the tag begins at an index. `maybe`: the text ends inside the tag. */
export function tagAt(text: string, at: number, tag: string): "yes" | "maybe" | "no" {
  for (let index = 0; index < tag.length; index++) {
    if (at + index === text.length) return "maybe";
    if (lowered(text.charCodeAt(at + index)) !== lowered(tag.charCodeAt(index))) return "no";
  }
  return "yes";
}

/** The code of an ASCII capital's small letter; any other code as it is. */
const lowered = (code: number) => (code >= 0x41 && code <= 0x5a ? code + 0x20 : code);

/** What of all thinking tags is at an index: a closing one, an opening one, or, where the text ends, a part of one. */
export function thinkingTagAt(text: string, at: number): { close: string | null; isOpen: boolean; isPart: boolean } {
  const found = { close: null as string | null, isOpen: false, isPart: false };
  for (const { open, close } of THINKING_TAGS) {
    const [opens, closes] = [tagAt(text, at, open), tagAt(text, at, close)];
    if (closes === "yes") found.close ??= close;
    if (opens === "yes") found.isOpen = true;
    if (opens === "maybe" || closes === "maybe") found.isPart = true;
  }
  return found;
}

/** Finds the first index from `from` at which the tag begins, or may begin once more text arrives; the text's length if none. */
export function findTag(text: string, tag: string, from = 0): { at: number; isWhole: boolean } {
  const next = (place: number) => text.indexOf(tag[0] as string, place);
  for (let at = next(from); at !== -1; at = next(at + 1)) {
    const found = tagAt(text, at, tag);
    if (found !== "no") return { at, isWhole: found === "yes" };
  }
  return { at: text.length, isWhole: false };
}
