import { definitionIn } from "./definition.ts";
import type { Evidence } from "./evidence.ts";
import type { RankedFile, RankedHit } from "./rank.ts";
import { commentAbove, snippetAt } from "./snippet.ts";
import type { Term } from "./terms.ts";
import type { View } from "./tool-output.ts";

const DISCLAIMER = "No language model is behind this answer:";
const QUOTED_FILES = 3;
const MORE_PLACES = 6;

/** Writes the answer: the search terms, the best matches with quotes, more matches, and the calls that were made. */
export function answer(terms: Term[], ranked: RankedFile[], evidence: Evidence): string {
  const parts = [opening(terms, ranked, evidence)];
  const quoted = quotable(ranked, evidence);
  if (ranked.length > 0) parts.push(...places(quoted, evidence), morePlaces(ranked, quoted));
  else parts.push(overview(evidence));
  for (const { name, output } of evidence.failures.slice(0, 3))
    parts.push(`\`${name}\` answered: ${firstLine(output)}`);
  parts.push(lookedAt(evidence));
  return parts.filter((part) => part !== "").join("\n\n");
}

function opening(terms: Term[], ranked: RankedFile[], evidence: Evidence): string {
  const names = terms.map((term) => code(term.text)).join(", ");
  if (ranked.length > 0) return `${DISCLAIMER} I searched the project for ${names} and quote the best matches.`;
  if (evidence.calls.length === 0) return `${DISCLAIMER} I had no tools, so I cannot say anything about the code.`;
  if (terms.length === 0)
    return `${DISCLAIMER} I found nothing in the question to search for. This is how the project describes itself.`;
  return `${DISCLAIMER} I searched the project for ${names} and found nothing. Try the name of a function, a file or a word from the code.`;
}

/** The best of the viewed files; if none could be viewed, the best files of the searches. */
function quotable(ranked: RankedFile[], evidence: Evidence): RankedFile[] {
  const viewed = ranked.filter((file) => viewOf(evidence, file.path));
  return (viewed.length > 0 ? viewed : ranked).slice(0, QUOTED_FILES);
}

function places(quoted: RankedFile[], evidence: Evidence): string[] {
  return quoted.map((file) => {
    const view = viewOf(evidence, file.path);
    const hit = file.hits[0];
    if (hit) return place(hit, view);
    return view ? beginning(view) : `The name of \`${file.path}\` matches.`;
  });
}

function place(hit: RankedHit, view: View | undefined): string {
  const what = hit.defines === null ? "It appears here" : `${code(hit.defines)} is defined here`;
  const snippet = view && snippetAt(view, hit.line, hit.defines !== null);
  const comment = view && hit.defines !== null ? commentAbove(view, hit.line) : null;
  const says = comment === null ? "" : ` Its comment says: “${comment}”`;
  const range = snippet && snippet.end > snippet.start ? ` (lines ${snippet.start}–${snippet.end})` : "";
  return `${what}: \`${hit.path}:${hit.line}\`${range}.${says}\n\n${fenced(snippet?.text ?? hit.text, hit.path)}`;
}

/** Quotes the first lines of a file and lists its definitions. */
function beginning(view: View): string {
  const lines = [...view.lines];
  const text = lines
    .slice(0, 12)
    .map(([, line]) => line)
    .join("\n")
    .trimEnd();
  const definitions = lines.flatMap(([number, line]) => {
    const definition = definitionIn(line);
    return definition && definition.weight === 1 ? [`- \`${view.path}:${number}\`: ${code(definition.name)}`] : [];
  });
  const list = definitions.length === 0 ? "" : `\n\nIt defines:\n${definitions.slice(0, MORE_PLACES * 2).join("\n")}`;
  return `\`${view.path}:${lines[0]?.[0] ?? 1}\` begins like this:\n\n${fenced(text, view.path)}${list}`;
}

function morePlaces(ranked: RankedFile[], quoted: RankedFile[]): string {
  const shown = new Set(quoted.map((file) => file.hits[0]));
  const more = ranked
    .slice(0, 8)
    .flatMap((file) => file.hits.slice(0, 2))
    .filter((hit) => !shown.has(hit))
    .sort((a, b) => b.score - a.score)
    .slice(0, MORE_PLACES);
  if (more.length === 0) return "";
  return [
    "More places:",
    ...more.map((hit) => `- \`${hit.path}:${hit.line}\`: ${code(hit.text.trim().slice(0, 120))}`),
  ].join("\n");
}

function overview(evidence: Evidence): string {
  const entries = evidence.entries?.slice(0, 40).map(code).join(", ");
  return [entries ? `Its root contains ${entries}.` : "", ...evidence.views.slice(0, 2).map(beginning)]
    .filter(Boolean)
    .join("\n\n");
}

function lookedAt({ calls }: Evidence): string {
  if (calls.length === 0) return "";
  const list = calls.map(({ name, input }) => {
    const { pattern, glob, query, path, start_line, end_line } = input;
    const lines = start_line === undefined ? "" : `, lines ${start_line}–${end_line ?? ""}`;
    const subject = pattern ?? glob ?? query ?? path;
    return `- ${name}${subject === undefined ? "" : ` ${code(String(subject).slice(0, 70))}`}${lines}`;
  });
  return ["What I looked at:", ...list].join("\n");
}

function viewOf(evidence: Evidence, path: string): View | undefined {
  return evidence.views.find((view) => view.path === path);
}

function firstLine(text: string): string {
  return text.trim().split("\n")[0]!.slice(0, 200);
}

/** Formats inline code, with a longer delimiter when the text contains backticks. */
function code(text: string): string {
  return text.includes("`") ? `\`\` ${text} \`\`` : `\`${text}\``;
}

function fenced(text: string, path: string): string {
  const fence = "`".repeat(Math.max(3, ...(text.match(/`+/g) ?? []).map((run) => run.length + 1)));
  return `${fence}${/\.(\w{1,5})$/.exec(path)?.[1] ?? ""}\n${text}\n${fence}`;
}
