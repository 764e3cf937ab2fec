// PURE
import type { Candidate } from "./find-citations.ts";

/** A citation of lines of a file of the project. */
export interface FoundCitation {
  start: number;
  end: number;
  /** Relative to the project's root, without `.` and `..`; as written when it leads out of the project. */
  path: string;
  isInside: boolean;
  first: number;
  last: number;
}

/** Endings of text files. A name without a folder and with another ending can be that of a host: `example.com:443`. */
const ENDINGS = new Set(
  (
    "adoc astro bat bash bazel c cc cfg cjs clj cljs cmake cmd conf cpp cs css csv cts cxx dart diff ejs elm env erb erl ex exs " +
    "f90 fish fs fsx gemspec go gql gradle graphql groovy h haml hbs hcl hh hpp hrl hs html htm hxx ini ipynb java jl js json " +
    "json5 jsonc jsx kt kts less lock log lua m map markdown md mdx mjs ml mli mm mod mts nim nix patch php pl plist pm po proto " +
    "ps1 pug py pyi pyx r rake rb rmd rs rst sass sbt scala scss service sh snap sol sql sum svelte svg swift tcl tex tf tfvars " +
    "toml ts tsv tsx txt v vb vim vue xml xsd xsl yaml yml zig zsh"
  ).split(" "),
);
const NAMES =
  /^(Makefile|Dockerfile|Containerfile|Gemfile|Rakefile|Procfile|Justfile|Vagrantfile|Jenkinsfile|LICENSE|CODEOWNERS|BUILD|WORKSPACE)$/;
const HOST = /^(www\..*|.*\.(com|org|net|io|dev|app|local|internal)|localhost|\d+(\.\d+){3})$/i;

/** The last part of a path. */
const baseName = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** The names of the files that candidates may mean. */
export function namesOf(candidates: readonly Candidate[]): string[] {
  const paths = candidates.flatMap(({ path, whole, rest }) => [path, whole?.path ?? path, rest?.path ?? path]);
  return [...new Set(paths.flatMap((path) => [baseName(path), baseName(decoded(path))]))];
}

/**
 * Decides which candidates are citations, and of which files.
 * @param roots absolute paths of the project's root
 * @param shown the files that tools have shown in the session; all that have one of `namesOf`
 */
export function resolveCitations(
  candidates: readonly Candidate[],
  roots: readonly string[],
  shown: ReadonlySet<string>,
): FoundCitation[] {
  const byName = new Map<string, string[]>();
  for (const path of shown) byName.set(baseName(path), [...(byName.get(baseName(path)) ?? []), path]);

  function resolve(written: string): { path: string; isInside: boolean } | null {
    const path = normalize(written, roots);
    const plain = decoded(written);
    // As links have it.
    if (plain !== written && !(path !== null && shown.has(path))) return resolve(plain);
    if (path === null) {
      const rooted = normalize(`.${written}`, []);
      // In a link, a slash stands for the project's root.
      if (written.startsWith("/") && rooted !== null && shown.has(rooted)) return { path: rooted, isInside: true };
      return isFileName(baseName(written)) ? { path: written, isInside: false } : null;
    }
    if (shown.has(path)) return { path, isInside: true };
    if (!written.includes("/")) {
      const [only, ...others] = byName.get(path) ?? [];
      if (only !== undefined) return others.length === 0 ? { path: only, isInside: true } : null;
      return isCodeName(path) ? { path, isInside: true } : null;
    }
    const isOfHost = HOST.test(written.slice(0, written.indexOf("/")));
    return isFileName(baseName(path)) && !isOfHost ? { path, isInside: true } : null;
  }

  /** Whether this is the path of a shown file. */
  function isShown(written: string): boolean {
    const path = normalize(written, roots);
    return path !== null && shown.has(path);
  }

  return candidates.flatMap((candidate) => {
    const { start, end, path, whole, isWhole, rest, first, last } = candidate;
    const known = whole && isShown(whole.path) ? whole : isWhole ? null : { start, path };
    if (known === null) return [];
    const isRest = known !== whole && rest && !isShown(path) && (rest.path[0] !== "/" || normalize(rest.path, roots));
    const chosen = isRest ? rest : known;
    const resolved = resolve(chosen.path);
    // With the opening mark of the code, because the closing one is within.
    return resolved ? { start: isWhole ? chosen.start - 1 : chosen.start, end, ...resolved, first, last } : [];
  });
}

/** A path without the encoding of blanks and other characters in links; as it is where they would not be seen. */
function decoded(path: string): string {
  if (!/%[0-9A-Fa-f]{2}/.test(path)) return path;
  try {
    const plain = decodeURIComponent(path);
    return /[\p{C}%]/u.test(plain) ? path : plain;
  } catch {
    return path;
  }
}

const isFileName = (name: string) =>
  /.\.(?=[^.]*\p{L})[\p{L}\p{N}_-]{1,16}$/u.test(name) || /^\.\p{L}/u.test(name) || NAMES.test(name);

function isCodeName(name: string): boolean {
  const dot = name.lastIndexOf(".");
  return dot > 0 ? ENDINGS.has(name.slice(dot + 1).toLowerCase()) : NAMES.test(name);
}

/** @returns null for a path that leads out of the roots */
function normalize(written: string, roots: readonly string[]): string | null {
  let inside = written;
  if (written.startsWith("/")) {
    const root = roots.find((one) => written.startsWith(one.endsWith("/") ? one : `${one}/`));
    if (root === undefined) return null;
    inside = written.slice(root.length);
  }
  const parts: string[] = [];
  for (const part of inside.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return null;
  }
  return parts.length > 0 ? parts.join("/") : null;
}
