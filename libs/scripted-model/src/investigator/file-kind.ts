export type FileKind = "source" | "types" | "example" | "config" | "doc" | "test" | "history" | "noise";

const KINDS: Array<[FileKind, RegExp]> = [
  [
    "noise",
    /(^|\/)(node_modules|dist|build|vendor|coverage|third_party)\/|\.min\.\w+$|\.map$|\.lock$|lock\.(json|ya?ml)$|\.svg$|\.snap$/i,
  ],
  ["history", /(^|\/)(change(s|log)|history|news|releases)(\.\w+)?$/i],
  ["test", /(^|\/)(tests?|__tests__|specs?|e2e|fixtures|__mocks__)\/|[._-](test|spec)\.\w+$|(^|\/)test[\w-]*\.\w+$/i],
  ["types", /\.d\.[cm]?ts$/i],
  ["example", /(^|\/)(examples?|demos?|samples?|bench(marks?)?)\//i],
  ["doc", /\.(md|mdx|rst|txt|adoc|html)$|(^|\/)docs?\/|(^|\/)(readme|license|contributing)/i],
  ["config", /\.(json|ya?ml|toml|ini|cfg|conf|xml)$|(^|\/)\.[^/]+$|config\.\w+$/i],
];

/** How much a match in a file of this kind explains about the code. */
const WORTH: Record<FileKind, number> = {
  source: 1,
  types: 0.6,
  example: 0.5,
  config: 0.5,
  doc: 0.45,
  test: 0.35,
  history: 0.15,
  noise: 0.03,
};

/** Words in the question that make a kind worth as much as source code. */
const ASKED_FOR: Partial<Record<FileKind, RegExp>> = {
  test: /\b(tests?|tested|specs?)\b/i,
  doc: /\b(docs?|documentation|readme|documented|licen[cs]e)\b/i,
  history: /\b(changelog|history|released?|versions?)\b/i,
  types: /\b(types?|typings?|interfaces?)\b/i,
  example: /\b(examples?|demos?|bench\w*)\b/i,
  config: /\b(config\w*|settings?|package\.json|dependenc\w+|scripts?)\b/i,
};

function fileKind(path: string): FileKind {
  return KINDS.find(([, pattern]) => pattern.test(path))?.[0] ?? "source";
}

export function asksFor(kind: FileKind, question: string): boolean {
  return ASKED_FOR[kind]?.test(question) ?? false;
}

/** The weight of a file for a question, between 0 and 1. */
export function fileWorth(path: string, question: string): number {
  const kind = fileKind(path);
  return asksFor(kind, question) ? 1 : WORTH[kind];
}
