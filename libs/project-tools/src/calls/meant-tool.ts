/** Returns a name in lower case without `_`, `-` and other punctuation, for comparison. */
export const plainName = (name: string) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");

/** What models put around a tool's name, also with `_` for other punctuation, as names in requests are written. */
const NAMESPACE = /^(?:functions?|tools?|default_api)_+/i;
const INDEX = /[_.:-]+\d{1,4}$/;

/**
 * Finds the tool that a name means: with a prefix (`functions.grep`, `default_api:grep`), an index (`grep:0`, `functions_grep_0`),
 * another spelling (`viewFile`, `view-file`), or a leaked token of the chat template (`grep<|channel|>commentary`).
 * @returns null when no tool, or more than one, fits
 */
export function meantTool<T extends string>(name: string, tools: readonly T[]): T | null {
  const exact = tools.find((tool) => tool === name);
  if (exact) return exact;
  const bare = (name.trim().split(/<[|｜]/)[0] ?? "").replace(INDEX, "");
  const parts = [bare, bare.replace(NAMESPACE, ""), ...bare.split(/[.:/]|__/)].map(plainName);
  const fitting = tools.filter((tool) => parts.includes(plainName(tool)));
  return fitting.length === 1 ? (fitting[0] as T) : null;
}
