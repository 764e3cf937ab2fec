// PURE
import { plainName } from "./calls/meant-tool.ts";

/**
 * Other assistants' names for a parameter, in the form that `plainName` returns. A name listed for several parameters means the
 * required one that is missing, else the first one that the tool has.
 */
const ALIASES: Record<string, readonly string[]> = {
  path: [
    ...["file", "files", "paths", "filepath", "filepaths", "filename", "fullpath", "pathname", "targetfile", "target"],
    ...["dir", "dirpath", "dirname", "directory", "directorypath", "directories", "folder", "folderpath", "folders"],
    ...[
      "targetdirectory",
      "searchpath",
      "searchdirectory",
      "searchdir",
      "rootdir",
      "basepath",
      "basedir",
      "cwd",
      "root",
    ],
    ...["absolutepath", "relativepath", "relativeworkspacepath", "workspacepath", "location", "in", "uri", "source"],
  ],
  pattern: [
    ...[
      "query",
      "regex",
      "regexp",
      "regexpattern",
      "search",
      "searchpattern",
      "searchterm",
      "searchquery",
      "searchtext",
    ],
    ...["searchstring", "searchregex", "expression", "text", "term", "keyword", "keywords", "needle", "string", "q"],
  ],
  glob: [
    ...["pattern", "filepattern", "fileglob", "globpattern", "globs", "include", "includes", "includepattern"],
    ...["includepatterns", "includeglob", "name", "names", "filename", "file", "files", "query", "filter", "search"],
  ],
  start_line: [
    ...["start", "from", "fromline", "line", "linenumber", "lineno", "linenum", "linestart", "begin", "beginline"],
    ...["firstline", "first", "startlinenumber", "startlineoneindexed", "startlineoneindexedinclusive", "offset"],
  ],
  end_line: [
    ...["end", "to", "toline", "lineend", "lastline", "last", "until", "stop", "endlinenumber", "endlineoneindexed"],
    "endlineoneindexedinclusive",
  ],
  max_results: [
    ...["limit", "max", "maxmatches", "headlimit", "maxcount", "count", "resultlimit", "numresults", "maxresult"],
    ...["topk", "results", "n"],
  ],
  context: ["contextlines", "lines", "surroundinglines", "contextsize", "around", "numcontextlines"],
  offset: ["skip", "start", "startindex", "from"],
  fixed_string: ["literal", "fixedstrings", "isliteral", "fixed", "plaintext", "exact"],
  case_sensitive: ["matchcase", "case"],
  include_ignored: ["noignore", "includegitignored", "searchignored"],
};

/** Names for the opposite of a boolean parameter. */
const OPPOSITES: Record<string, readonly string[]> = {
  fixed_string: ["isregex", "isregexp", "useregex", "regex", "regexp"],
  case_sensitive: ["ignorecase", "caseinsensitive", "insensitive", "nocase", "i"],
  include_ignored: ["respectgitignore", "respectignore", "usegitignore"],
};

/** Parameters of other assistants' tools that have no effect here and are dropped. */
const NEEDLESS = [
  ...["explanation", "reason", "reasoning", "thought", "thoughts", "rationale", "justification", "intent", "purpose"],
  ...["description", "comment", "summary", "taskprogress", "toolcallid", "callid", "toolname", "tool", "function"],
  ...["requiresapproval", "shouldreadentirefile", "linenumbers", "showlinenumbers", "recursive", "r", "timeout"],
  ...["timeoutms", "outputmode", "encoding", "matchperline", "multiline", "depth", "maxdepth"],
];

const has = (table: Record<string, readonly string[]>, name: string, plain: string) =>
  Object.hasOwn(table, name) && (table[name] as readonly string[]).includes(plain);

/**
 * Returns the parameter that a key means. Another spelling of a parameter's own name takes precedence over an alias.
 * @param missing the required parameters that no key has given
 */
export function meantParameter(key: string, names: readonly string[], missing: readonly string[]): string | undefined {
  const plain = plainName(key);
  const spelled = names.find((name) => plainName(name) === plain);
  const order = [...missing, ...Object.keys(ALIASES)];
  return spelled ?? order.find((name) => names.includes(name) && has(ALIASES, name, plain));
}

/** Returns the boolean parameter whose opposite a key names. */
export function oppositeParameter(key: string, names: readonly string[]): string | undefined {
  return names.find((name) => has(OPPOSITES, name, plainName(key)));
}

export function isNeedless(key: string): boolean {
  return NEEDLESS.includes(plainName(key));
}

/** Whether a key with this value asks for the default behaviour: the first page, or only files. */
export function asksForDefault(key: string, value: unknown): boolean {
  const plain = plainName(key);
  if (["offset", "skip", "page", "start", "startindex"].includes(plain))
    return value === 0 || (value === 1 && plain !== "skip");
  if (!isFileType(key) || typeof value !== "string") return false;
  return ["file", "files", "f", "any", "all"].includes(value.toLowerCase());
}

/** Keys for a range of lines, and keys for the number of lines from the first one. */
export const isLineRange = (key: string) =>
  ["viewrange", "linerange", "lines", "range", "linenumbers"].includes(plainName(key));
export const isLineCount = (key: string) =>
  ["limit", "numlines", "linecount", "maxlines", "lines", "count", "length"].includes(plainName(key));

/** Keys for the number of lines to show before or after a match. */
export const isSurrounding = (key: string) =>
  ["a", "b", "c", "before", "after", "beforecontext", "aftercontext", "linesbefore", "linesafter"].includes(
    plainName(key),
  );

/** Keys for globs to exclude, and keys for file name extensions. */
export const isExclusion = (key: string) =>
  ["exclude", "excludes", "excludepattern", "excludepatterns", "excludeglob", "ignorepattern"].includes(plainName(key));
export const isEnding = (key: string) =>
  ["extension", "extensions", "ext", "fileextension", "fileextensions", "filetypes"].includes(plainName(key));

/** Keys for the name of a language or of an extension, as in ripgrep's `--type`. */
export const isFileType = (key: string) => ["type", "filetype", "language", "lang"].includes(plainName(key));

/** Keys that wrap all arguments. */
export const isWrapper = (key: string) =>
  ["arguments", "args", "parameters", "params", "input", "toolinput", "kwargs", "properties", "json"].includes(
    plainName(key),
  );

/** Names of other assistants' tools that do the same as one of ours, in the form that `plainName` returns. */
const FOREIGN_TOOLS: Record<string, readonly string[]> = {
  view_file: ["readfile", "read", "openfile", "view", "showfile", "getfile", "filecontent", "readfilecontent"],
  list_dir: ["listdirectory", "ls", "listfolder", "readdir", "readdirectory", "listfilesindirectory"],
  grep: ["grepsearch", "searchfilecontent", "ripgrep", "rg", "searchcode", "searchtext", "greptool", "searchincode"],
  find_files: [
    "glob",
    "filesearch",
    "findbyname",
    "findfile",
    "globsearch",
    "globtool",
    "findfilesbyname",
    "searchfilename",
  ],
};

/** Finds our tool for the name of another assistant's tool, with or without a prefix. */
export function foreignTool(name: string): string | null {
  const parts = [name, ...name.split(/[.:/]|__/)].map(plainName);
  const fitting = Object.keys(FOREIGN_TOOLS).filter((tool) =>
    FOREIGN_TOOLS[tool]?.some((other) => parts.includes(other)),
  );
  return fitting.length === 1 ? (fitting[0] as string) : null;
}
