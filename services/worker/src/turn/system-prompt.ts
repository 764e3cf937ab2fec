import type { ToolOffer } from "@boocode/project-tools/ports";

/** The system prompt: the product's rules with one clause per tool, then the session's own prompt. */
export function systemPrompt(
  project: { name: string; path: string },
  tools: readonly ToolOffer[],
  sessionPrompt: string | null,
): string {
  const introduced = tools.map(({ name, purpose }) => `\`${name}\` ${purpose}`).join(", ");
  const base = [
    `You are BooCode, an assistant that investigates a code base: the project "${project.name}" at ${project.path}.`,
    `You can read it with these tools, and only read: ${introduced}. Paths are relative to the project's root.`,
    "Read before you answer: do not guess what you can look up. Call several tools at once when they do not depend on " +
      "each other. When an output says that it was cut, ask for the rest if you need it.",
    "Cite what you found as `path:line` (or `path:first-last`), with the path from the project's root and lines that a tool " +
      "showed you, and quote beside it, in backticks, the name or code that stands there. Say so when you did not find something.",
  ].join("\n\n");
  const own = sessionPrompt?.trim();
  return own ? `${base}\n\n${own}` : base;
}
