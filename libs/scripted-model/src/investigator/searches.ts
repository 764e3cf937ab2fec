import type { OfferedTool } from "../chat-request.ts";
import type { RankedFile } from "./rank.ts";
import type { Term } from "./terms.ts";

export interface Call {
  name: string;
  input: Record<string, unknown>;
}

const DEFINING = "(function\\*?|class|interface|type|enum|struct|trait|fn|def|func|const|let|var|module)";
const MAX_GREPS = 4;
const MAX_FINDS = 2;
const VIEWED_FILES = 3;
const LINES_BEFORE = 12;
const LINES_AFTER = 40;

/** Directories that explain little about the code. They could fill a search result, which is sorted by path and cut. */
const ASIDE = "!**/{test,tests,__tests__,spec,fixtures,docs,dist,build,coverage,vendor,examples}/**";

/**
 * One search for definitions of all terms, one for each of the strongest terms, and one for files with matching names.
 *
 * @param everywhere also search tests and documents
 */
export function searches(terms: Term[], everywhere: boolean): Call[] {
  const texts = terms.filter((term) => term.kind !== "file");
  const greps = [...definitions(texts), ...texts.slice(0, MAX_GREPS).map((term) => escapePattern(term.needle))];
  const names = [
    ...terms.filter((term) => term.kind === "file"),
    ...texts.filter((term) => !/[\s.()]/.test(term.needle)),
  ];
  const scope = everywhere ? {} : { glob: ASIDE };
  return [
    ...greps.map((pattern) => ({
      name: "grep",
      input: { pattern, ...scope, case_sensitive: false, max_results: 200 },
    })),
    ...names.slice(0, MAX_FINDS).map((term) => ({ name: "find_files", input: { glob: fileGlob(term) } })),
  ];
}

/** One pattern for `function x`, `class X`, `x = function`, `x: (…) =>` and similar; none when all terms are quoted phrases. */
function definitions(terms: Term[]): string[] {
  const needles = terms.filter((term) => term.kind !== "quoted").map((term) => escapePattern(lastPart(term.needle)));
  if (needles.length === 0) return [];
  const name = `(${needles.join("|")})`;
  return [`${DEFINING}\\s+\\w*${name}|${name}\\w*\\s*[:=]\\s*(async\\s+)?(function|class|\\()`];
}

/** Calls that view the best files, each around its best line, or from the start when only its name matches. */
export function views(ranked: RankedFile[]): Call[] {
  return varied(ranked).map(({ path, hits }) => {
    const line = hits[0]?.line;
    return line === undefined ? view(path, 1, 400) : view(path, Math.max(1, line - LINES_BEFORE), line + LINES_AFTER);
  });
}

/** Selects the best file, then good files that contain terms which the selected ones do not. */
function varied(ranked: RankedFile[]): RankedFile[] {
  const chosen: RankedFile[] = [];
  const covered = new Set<Term>();
  const worthwhile = ranked.filter((file) => file.score >= (ranked[0]?.score ?? 0) * 0.25);
  const value = (file: RankedFile) => file.score * (file.hits[0]?.terms.some((term) => !covered.has(term)) ? 2 : 1);
  while (chosen.length < VIEWED_FILES && chosen.length < worthwhile.length) {
    const left = worthwhile.filter((file) => !chosen.includes(file));
    const next = left.reduce((best, file) => (value(file) > value(best) ? file : best));
    chosen.push(next);
    for (const term of next.hits[0]?.terms ?? []) covered.add(term);
  }
  return chosen;
}

export function view(path: string, start: number, end: number): Call {
  return { name: "view_file", input: { path, start_line: start, end_line: end } };
}

/** Removes calls and arguments that the request does not offer. */
export function fitToOffer(calls: Call[], tools: OfferedTool[]): Call[] {
  return calls.flatMap(({ name, input }) => {
    const tool = tools.find((offered) => offered.name === name);
    if (!tool) return [];
    const properties = tool.parameters?.properties ?? {};
    return [
      { name, input: Object.fromEntries(Object.entries(input).filter(([key]) => Object.hasOwn(properties, key))) },
    ];
  });
}

/** A glob for file names that contain the term in any usual case: globs are case-sensitive. */
function fileGlob({ kind, needle }: Term): string {
  const plain = needle.replace(/[[\]{}*?!]/g, "");
  if (kind === "file") return plain.replace(/^\.?\//, "").replace(/^(?=.*\/)(?!\*\*)/, "**/");
  const kebab = plain.replace(/([a-z\d])([A-Z])/g, "$1-$2").toLowerCase();
  const forms = new Set([plain, plain.toLowerCase(), kebab, plain.charAt(0).toUpperCase() + plain.slice(1)]);
  return forms.size === 1 ? `*${plain}*` : `*{${[...forms].join(",")}}*`;
}

function lastPart(needle: string): string {
  return needle.split(".").at(-1) || needle;
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
