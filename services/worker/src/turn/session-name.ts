import type { ModelRequest } from "./ports.ts";

const MAX_NAME_LENGTH = 80;
const EXCERPT = 2_000;

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
  };
}

/** The title in a model's answer: its first line with letters or digits, without Markdown and quotes. @returns null if none */
export function cleanName(text: string): string | null {
  const line = text
    .split("\n")
    .map((candidate) => candidate.replace(/^[\s#>*"'`“”‘’-]+|[\s*"'`“”‘’.]+$/g, "").replace(/^title:\s*/i, ""))
    .map((candidate) => candidate.replace(/[\p{Cc}\p{Cs}]/gu, "").trim())
    .find((candidate) => /[\p{L}\p{N}]/u.test(candidate));
  if (!line) return null;
  const characters = [...line];
  return characters.length <= MAX_NAME_LENGTH ? line : `${characters.slice(0, MAX_NAME_LENGTH - 1).join("")}…`;
}
