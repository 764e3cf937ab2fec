// PURE
import { GROUP_NAMES, type GroupName, WITHHELD_GROUPS, type WithheldGroup } from "./groups.ts";

/** Returns the group that withholds a file; null for one that may be shown. A folder's path ends with a slash. */
export type WithheldGroupOf = (path: string) => GroupName | null;

/** Endings of copies that editors, package managers and people make. */
const COPY = /(?:~|\.(?:bak|backup|old|orig|original|save|saved|copy|tmp|rej|sw[nop]|rpmsave|rpmnew|dpkg-\w+))$/;

/** @param off groups that an operator switched off */
export function createWithheldGroupOf(off: readonly GroupName[] = []): WithheldGroupOf {
  const groups = GROUP_NAMES.filter((name) => !off.includes(name)).map((name) => {
    const { files, except = [] }: WithheldGroup = WITHHELD_GROUPS[name];
    return { name, withholds: createMatcher(files), excepts: createMatcher(except) };
  });
  const any = createMatcher(groups.flatMap(({ name }) => WITHHELD_GROUPS[name].files));
  const groupOf = (path: string) =>
    any(path) ? (groups.find(({ withholds, excepts }) => withholds(path) && !excepts(path))?.name ?? null) : null;
  return (path) => {
    for (const form of formsOf(foldPath(path))) {
      const group = groupOf(form);
      if (group !== null) return group;
    }
    return null;
  };
}

/** Patterns without a slash are matched with the name alone: that is four times as fast. */
function createMatcher(patterns: readonly string[]): (path: string) => boolean {
  const ofName = toExpression(patterns.filter((pattern) => !pattern.includes("/")));
  const ofPath = toExpression(patterns.filter((pattern) => pattern.includes("/")));
  return (path) => ofName.test(path.slice(path.lastIndexOf("/") + 1)) || ofPath.test(path);
}

const TOKEN = /^\*|\/\*\*\/|\/\*\*$|\*|[.+^$(){}|[\]\\]/g;

/** No name in a pattern has stars that can match the same text in many ways, so that matching takes linear time. */
function toExpression(patterns: readonly string[]): RegExp {
  const alternatives = patterns.map((pattern) => {
    const body = pattern.replace(TOKEN, (token, at: number) => {
      // Nothing before a star at the start has to match.
      if (token === "*") return at === 0 ? "" : "[^/]*";
      if (token.includes("**")) return token.endsWith("/") ? "/(?:.*/)?" : "/.*";
      return `\\${token}`;
    });
    return `${pattern.startsWith("*") ? "" : "(?:^|/)"}${body}${pattern.endsWith("/") ? "" : "$"}`;
  });
  return alternatives.length === 0 ? /(?!)/ : new RegExp(alternatives.join("|"));
}

/**
 * Writes a path as file systems compare names that ignore case: APFS, NTFS, ext4 with casefold. They fold all of Unicode, some
 * ignore invisible characters, and NTFS ignores dots and blanks at the end of a name.
 */
export function foldPath(path: string): string {
  if (isAscii(path)) return trimNames(path.toLowerCase());
  const visible = path.normalize("NFKD").replace(/\p{Default_Ignorable_Code_Point}/gu, "");
  // Upper case first: `ſ` is an `s` in upper case only.
  return trimNames(visible.toUpperCase().toLowerCase());
}

function isAscii(text: string): boolean {
  return !/[^\0-\x7f]/.test(text);
}

function trimNames(path: string): string {
  return /[. ](?:\/|$)/.test(path) ? path.replaceAll(/(?<=[^/])[. ]+(?=\/|$)/g, "") : path;
}

/**
 * Returns the path and what else it may lead to: without the stream of NTFS (`.env::$DATA`), and, for a copy such as `.env~`,
 * `id_rsa.bak`, `.id_rsa.swp` or `#.env#`, the path of what was copied.
 */
function formsOf(path: string): string[] {
  // Most paths have no other form.
  if (!/[:#]/.test(path) && !COPY.test(path)) return [path];
  const forms = [path];
  if (path.includes(":")) forms.push(path.replaceAll(/(?<=[^/]):[^/]*/g, ""));
  let form = path.replace(/(^|\/)\.?#([^/]+?)#?$/, "$1$2");
  while (COPY.test(form)) form = form.replace(COPY, "");
  if (form === path) return forms;
  forms.push(form);
  // The swap file of `id_rsa` is `.id_rsa.swp`.
  if (/\.sw[nop]$/.test(path)) forms.push(form.replace(/(^|\/)\.([^/]+)$/, "$1$2"));
  return forms;
}
