// PURE
import type { CitationLevel, Message, Session, ToolCall } from "@boocode/contracts";

/*
 * A session as Markdown (CommonMark). What people, models and tools wrote must not break out of its place: texts stand in block quotes,
 * which end whatever is left open in them, tool outputs between fences that are longer than any in them, names escaped or as code.
 */

/** What the page of a citation says of each level, see docs/citations.md. */
const LEVELS: Record<CitationLevel, string> = {
  moved: "moved: what is quoted beside it stands elsewhere",
  shown: "shown: the model read these lines",
  exists: "exists: these lines exist",
  none: "none: there are no such lines",
};

interface Heading {
  session: Session;
  projectName: string;
  exportedAt: string;
}

/** The beginning of the document. */
export function markdownHeading({ session, projectName, exportedAt }: Heading): string {
  const facts = [
    `Project: ${inline(projectName)}`,
    `Session: ${code(session.id)}, created ${session.created_at}`,
    ...(session.model === null ? [] : [`Model: ${inline(session.model)}`]),
    `Exported: ${exportedAt}`,
  ];
  return `# ${inline(session.name ?? "Session")}\n\n${facts.map((fact) => `- ${fact}`).join("\n")}\n`;
}

/** Stands at the end of a complete document only. */
export const markdownEnd = (messages: number): string => `\n---\n\nEnd of the export: ${messages} messages.\n`;

export function messageToMarkdown(message: Message): string {
  const blocks =
    message.role === "user" ? question(message) : message.role === "tool" ? output(message) : answer(message);
  return blocks.map((block) => `\n${block}\n`).join("");
}

function question({ turn_ordinal, author, created_at, content }: Message): string[] {
  const by = author ? ` by ${inline(author.name)}` : "";
  return [`## Question ${turn_ordinal}${by}`, created_at, quote(content)];
}

function answer(message: Message): string[] {
  const { content, reasoning, tool_calls, citations, status, error, model } = message;
  const isStep = (tool_calls?.length ?? 0) > 0;
  return [
    ...(isStep ? [] : [`### Answer${model === null ? "" : ` of ${inline(model)}`}`]),
    ...(reasoning ? ["**Thoughts**", quote(reasoning)] : []),
    ...(content ? [quote(content)] : []),
    ...(status === "complete" ? [] : [`Status: ${status}${error ? `, ${error.code}: ${inline(error.message)}` : ""}`]),
    ...(tool_calls ?? []).flatMap(call),
    ...(citations && citations.length > 0 ? ["**Cited lines**", citations.map(citation).join("\n")] : []),
  ];
}

const call = ({ name, arguments: args }: ToolCall): string[] => [
  `### Call of ${code(name)}`,
  fenced(JSON.stringify(args, null, 2)),
];

function output({ content, tool_result }: Message): string[] {
  const what = tool_result?.error == null ? "Output" : "Failure";
  return [`**${what} of ${code(tool_result?.name ?? "a tool")}**`, fenced(content)];
}

function citation({ path, first, last, level, moved_to }: NonNullable<Message["citations"]>[number]): string {
  const moved = moved_to ? ` (lines ${range(moved_to)})` : "";
  return `- ${code(`${path}:${range({ first, last })}`)} – ${LEVELS[level]}${moved}`;
}

const range = ({ first, last }: { first: number; last: number }) =>
  first === last ? String(first) : `${first}-${last}`;

/** CommonMark ends a line at a carriage return, too. */
const LINE_END = /\r\n|\r|\n/;

const quote = (text: string) =>
  text
    .split(LINE_END)
    .map((line) => `> ${line}`)
    .join("\n");

/** A block of code that no line of the text can end. */
export function fenced(text: string): string {
  const fence = "`".repeat(Math.max(3, longestRun(text) + 1));
  return `${fence}\n${text}\n${fence}`;
}

/** A text on one line as code. */
function code(text: string): string {
  const plain = oneLine(text) || " ";
  const ticks = "`".repeat(longestRun(plain) + 1);
  const space = /^`|`$|^ .* $/.test(plain) ? " " : "";
  return `${ticks}${space}${plain}${space}${ticks}`;
}

/** A text on one line in which nothing is Markdown or HTML. */
const inline = (text: string) => oneLine(text).replace(/[\\`*_{}[\]<>#&|~!$]/g, "\\$&");

/** Also without the characters that change the direction of a text. */
const oneLine = (text: string) =>
  text.replace(/[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\s]+/gu, " ").trim();

function longestRun(text: string): number {
  let longest = 0;
  for (const [run] of text.matchAll(/`+/g)) longest = Math.max(longest, run.length);
  return longest;
}

/** A file name of ASCII for a session. */
export function fileNameOf(name: string | null, extension: string): string {
  const slug = (name ?? "")
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 60)
    .replace(/^-+|-+$/g, "");
  return `boocode-${slug || "session"}.${extension}`;
}
