import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Random } from "./random.ts";

/** A text file of a real tree. */
export interface SourceFile {
  path: string;
  lines: string[];
}

/** What a generated answer says about one place. */
export interface Case {
  kind: string;
  /** `right`: the citation names the lines that it is about. `wrong`: it does not, and quotes something that its lines do not have. */
  truth: "right" | "wrong" | "hostile";
  text: string;
  /** The part of the text that is the citation. */
  cited: string;
}

/** Reads the source files of a folder. @param match of paths relative to it */
export function readTree(folder: string): SourceFile[] {
  const names = execFileSync("find", [".", "-type", "f", "-size", "-200k", "-not", "-path", "*/node_modules/*"], {
    cwd: folder,
    encoding: "utf8",
  });
  return names
    .split("\n")
    .map((name) => name.slice(2))
    .filter((path) => /\.(ts|js|mjs|cjs|md|json|sql)$/.test(path) && !path.startsWith("."))
    .sort()
    .map((path) => ({ path, lines: readFileSync(join(folder, path), "utf8").split(/\r?\n/) }))
    .filter(({ lines }) => lines.length > 30 && lines.every((line) => line.length < 300));
}

const FORMS: ((path: string, first: number, last: number) => string)[] = [
  (path, first, last) => (first === last ? `${path}:${first}` : `${path}:${first}-${last}`),
  (path, first, last) => (first === last ? `\`${path}:${first}\`` : `\`${path}:${first}–${last}\``),
  (path, first) => `${path}:${first}:3`,
  (path, first, last) => `./${path}#L${first}-L${last}`,
  (path, first, last) => `\`${path}\` (${first === last ? `line ${first}` : `lines ${first}–${last}`})`,
  (path, first, last) => `[this place](${path}#L${first}-L${last})`,
  (path, first, last) => `[\`${basename(path)}:${first}\`](${path}#L${first}-L${last})`,
];

const WORD = /[\p{L}_$][\p{L}\p{N}_$]{3,}/gu;
const PLAIN = /^[^`"“”]+$/;
const squeeze = (text: string) => text.replace(/\s+/g, " ").trim();

/** A word that stands in this line, and in none of the lines `first` to `last`. */
function nameIn(random: Random, { lines }: SourceFile, line: number, avoid: [number, number] | null): string | null {
  const others = avoid ? lines.slice(avoid[0] - 1, avoid[1]).join("\n") : "";
  const words = (lines[line - 1]?.match(WORD) ?? []).filter((word) => !KEYWORDS.has(word) && !others.includes(word));
  return words.length > 0 ? random.pick(words) : null;
}

const KEYWORDS = new Set(
  "return const function export import from await async this that with class interface type string number boolean true false null undefined throw else default void typeof readonly require module exports extends static public private continue break case switch while unknown never object then".split(
    " ",
  ),
);

/** A line with enough words to be quoted, which does not stand in the lines to avoid. */
function codeIn({ lines }: SourceFile, line: number, avoid: [number, number] | null): string | null {
  const code = squeeze(lines[line - 1] ?? "");
  const others = avoid ? squeeze(lines.slice(avoid[0] - 1, avoid[1]).join("\n")) : "";
  const words = (code.match(WORD) ?? []).filter((word) => !KEYWORDS.has(word));
  return words.length >= 2 && PLAIN.test(code) && !others.includes(code) ? code : null;
}

/** The code with one word replaced, or its end left out. */
function altered(random: Random, code: string): string | null {
  const words = [...new Set((code.match(WORD) ?? []).filter((word) => !KEYWORDS.has(word)))];
  if (words.length < 3) return null;
  if (random.chance(0.5)) return code.replace(random.pick(words), "somethingElse");
  return `${code.slice(0, Math.ceil(code.length * 0.8))} …`;
}

/** What is said of a line, with the quote in one of several places. */
function sentence(random: Random, quote: string, cited: string): string {
  return random.pick([
    `\`${quote}\` stands in ${cited}.`,
    `See ${cited}: \`${quote}\` does it.`,
    `- ${cited} – \`${quote}\``,
    `| \`${quote}\` | ${cited} |`,
    `The call of \`${quote}\` (${cited}) comes first.`,
  ]);
}

/**
 * One statement about a tree.
 * @param files those that the model has read
 * @param shown the lines that the model has read of a file: from, to
 */
export function generate(
  random: Random,
  files: readonly SourceFile[],
  all: readonly SourceFile[],
  shown: ReadonlyMap<string, [number, number]>,
): Case | null {
  const file = random.pick(files);
  const [from, to] = shown.get(file.path) as [number, number];
  const isShown = random.chance(0.9);
  const first = isShown ? random.int(from, to) : random.int(1, file.lines.length - 1);
  const last = Math.min(isShown ? to : file.lines.length - 1, first + random.pick([0, 0, 0, 0, 1, 3, 10]));
  const cite = random.pick(FORMS);
  const right = cite(file.path, first, cite === FORMS[2] ? first : last);
  const kind = random.pick([
    "bare",
    "name",
    "code",
    "block",
    "altered",
    "off",
    "off code",
    "off block",
    "off altered",
    "moved",
    "same name",
    "hostile",
  ]);
  switch (kind) {
    case "bare":
      return { kind, truth: "right", text: `This is done in ${right}, before everything else.`, cited: right };
    case "name":
    case "code": {
      const quote = kind === "name" ? nameIn(random, file, first, null) : codeIn(file, first, null);
      return quote ? { kind, truth: "right", text: sentence(random, quote, right), cited: right } : null;
    }
    case "block": {
      const code = file.lines.slice(first - 1, first + 2).join("\n");
      return code.includes("```")
        ? null
        : { kind, truth: "right", text: `In ${right}:\n\`\`\`\n${code}\n\`\`\``, cited: right };
    }
    case "altered": {
      const code = codeIn(file, first, null);
      const quote = code && altered(random, code);
      return quote ? { kind, truth: "right", text: sentence(random, quote, right), cited: right } : null;
    }
    case "off":
    case "off code":
    case "off block":
    case "off altered":
    case "moved": {
      const distance = (kind === "moved" ? random.int(41, 300) : random.int(1, 40)) * random.pick([-1, 1]);
      const wrongFirst = first + distance;
      const wrongLast = wrongFirst + (last - first);
      const isInside = wrongFirst >= 1 && wrongLast < file.lines.length && (last < wrongFirst || first > wrongLast);
      if (!isInside) return null;
      const wrong = cite(file.path, wrongFirst, cite === FORMS[2] ? wrongFirst : wrongLast);
      const avoid: [number, number] = [wrongFirst, wrongLast];
      if (kind === "off block") {
        const lines = file.lines.slice(first - 1, first + 2);
        const near = file.lines.slice(wrongFirst - 1, wrongLast).map(squeeze);
        const code = lines.map(squeeze).filter((line) => (line.match(WORD) ?? []).some((word) => !KEYWORDS.has(word)));
        if (code.length === 0 || lines.join("").includes("```") || code.some((line) => near.join(" ").includes(line)))
          return null;
        return { kind, truth: "wrong", text: `In ${wrong}:\n\`\`\`\n${lines.join("\n")}\n\`\`\``, cited: wrong };
      }
      const isName = kind === "off" || kind === "moved";
      const quote = isName ? nameIn(random, file, first, avoid) : codeIn(file, first, avoid);
      const written = quote && (kind === "off altered" ? altered(random, quote) : quote);
      return written ? { kind, truth: "wrong", text: sentence(random, written, wrong), cited: wrong } : null;
    }
    case "same name": {
      const others = all.filter(({ path }) => path !== file.path && basename(path) === basename(file.path));
      const code = codeIn(file, first, null);
      if (others.length === 0 || !code) return null;
      const other = random.pick(others);
      if (other.lines.map(squeeze).join(" ").includes(code)) return null;
      const wrong = cite(other.path, first, cite === FORMS[2] ? first : last);
      return { kind, truth: "wrong", text: sentence(random, code, wrong), cited: wrong };
    }
    default: {
      const cited = random.pick([
        `../../etc/hosts.conf:${first}`,
        `/etc/ssl/openssl.cnf:${first}`,
        `https://example.com/${file.path}:${first}`,
        `${file.path}:${file.lines.length + 1_000}`,
        `${file.path}:0`,
        `${file.path}:${first + 1}-${first}`,
        `${"deep/".repeat(150)}${file.path}:${first}`,
        `src/\u202e${file.path}:${first}`,
        `${file.path.replace(/\.\w+$/, "")}-none.ts:${first}`,
      ]);
      return { kind, truth: "hostile", text: `Look at ${cited}.`, cited };
    }
  }
}
