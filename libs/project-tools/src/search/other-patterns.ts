// PURE

export interface PatternReading {
  pattern: string;
  fixedString?: boolean;
  ignoreCase?: boolean;
  /** Tells the model why the pattern was not used as written. */
  because: string;
}

/** An escaped character, a character class delimited as in POSIX or JavaScript, or one character. */
const TOKEN = /\\[\s\S]|\[\^?\]?(?:\\[\s\S]|\[:\w+:\]|[^\]\\])*\]|[\s\S]/gu;
const tokensOf = (pattern: string) => pattern.match(TOKEN) ?? [];

/** Returns what a valid pattern without matches may mean in another syntax than Rust's, the most likely reading first. */
export function otherPatterns(pattern: string): PatternReading[] {
  const slashed = /^\/(.+)\/([dgimsuvy]*)$/s.exec(pattern);
  const quoted = /^(["'`])(.+)\1$/s.exec(pattern);
  const readings: (PatternReading | null)[] = [
    pattern.includes("\b")
      ? {
          pattern: pattern.replaceAll("\b", "\\b"),
          because: 'in JSON "\\b" is a backspace; a word boundary is "\\\\b"',
        }
      : null,
    basicSyntax(pattern),
    slashed?.[1] === undefined
      ? null
      : {
          pattern: slashed[1],
          ignoreCase: slashed[2]?.includes("i") ?? false,
          because: "slashes are not delimiters here",
        },
    /\\\\[^\\]/.test(pattern)
      ? { pattern: pattern.replaceAll("\\\\", "\\"), because: "\\\\ is a plain backslash" }
      : null,
    quoted?.[2] === undefined ? null : { pattern: quoted[2], because: "quotes are not delimiters here" },
  ];
  return readings.filter((reading) => reading !== null && reading.pattern !== pattern) as PatternReading[];
}

/** Returns what an invalid pattern may mean: Perl or JavaScript syntax, or plain text. */
export function patternsForInvalid(pattern: string): PatternReading[] {
  const repaired = perlSyntax(pattern);
  const readings = otherPatterns(pattern);
  if (repaired !== pattern) readings.unshift({ pattern: repaired, because: "it is not valid in Rust syntax" });
  return [...readings, { pattern, fixedString: true, because: "it is not a valid regular expression" }];
}

/**
 * Reads the pattern as a basic regular expression of GNU grep, where `\|`, `\+` and `\?` are operators. `\(` counts as a group only
 * around or before such an operator, because models also write it for a plain parenthesis.
 */
function basicSyntax(pattern: string): PatternReading | null {
  const tokens = tokensOf(pattern);
  const operators = tokens.filter((token, index) => isBasicOperator(token, tokens[index - 1]));
  if (operators.length === 0) return null;
  const groups = basicGroups(tokens);
  const converted = tokens.map((token, index) => {
    if (groups.has(index) || isBasicOperator(token, tokens[index - 1])) return token.slice(1);
    return token;
  });
  const because = `${[...new Set(operators)].join(" and ")} ${operators.length > 1 ? "are plain characters" : "is a plain character"} in Rust syntax`;
  return { pattern: converted.join(""), because };
}

function isBasicOperator(token: string, before = ""): boolean {
  if (token === "\\|") return true;
  const repeats = /^(\]|\.|\\[)wdsWDSw])$/.test(before.length > 2 ? before.slice(-1) : before);
  return (token === "\\+" || token === "\\?") && repeats;
}

/** Returns the indices of `\(` and `\)` that form a group with an operator inside or after it. */
function basicGroups(tokens: readonly string[]): Set<number> {
  const groups = new Set<number>();
  const open: { at: number; operator: boolean }[] = [];
  for (const [index, token] of tokens.entries()) {
    const top = open.at(-1);
    if (token === "\\(") open.push({ at: index, operator: false });
    else if (token === "\\|" && top) top.operator = true;
    else if (token === "\\)" && top) {
      open.pop();
      if (top.operator || /^\\[+?]$/.test(tokens[index + 1] ?? "")) groups.add(top.at).add(index);
    }
  }
  return groups;
}

/** Escapes of Perl and JavaScript that Rust lacks, with their equivalents. */
const ESCAPES: Record<string, string> = { "\\Z": "$", "\\h": "[ \\t]", "\\N": ".", "\\e": "\\x1b", "\\K": "" };

/** Escapes braces, brackets and parentheses that can only be plain characters, and replaces Perl's escapes. */
function perlSyntax(pattern: string): string {
  const quoted = pattern.replaceAll(/\\Q([\s\S]*?)\\E/g, (_, text: string) => escapePattern(text));
  const tokens = tokensOf(quoted.replaceAll(/\(\?#[^)]*\)/g, "").replaceAll("(?>", "(?:"));
  const unbalanced = unbalancedParentheses(tokens);
  let start = true;
  return tokens
    .map((token, index) => {
      const first = start;
      start = token === "(" || token === "|";
      if (token === "{" && !/^\{\d+(,\d*)?\}/.test(tokens.slice(index, index + 24).join(""))) return "\\{";
      if (first && /^[*+?]$/.test(token) && tokens[index - 1] !== "(") return `\\${token}`;
      if (token === "[" || unbalanced.has(index)) return `\\${token}`;
      if (token.startsWith("[") && token.length > 1) return withPlainBrackets(token);
      return token === "\\" ? "\\\\" : (ESCAPES[token] ?? token);
    })
    .join("");
}

/** In Rust a `[` inside a class begins a nested class. */
function withPlainBrackets(token: string): string {
  const inner = token.slice(1, -1).replaceAll(/\\[\s\S]|\[:\w+:\]|\[/gu, (part) => (part === "[" ? "\\[" : part));
  return `[${inner}]`;
}

function unbalancedParentheses(tokens: readonly string[]): Set<number> {
  const unbalanced = new Set<number>();
  const open: number[] = [];
  for (const [index, token] of tokens.entries()) {
    if (token === "(") open.push(index);
    if (token === ")" && open.pop() === undefined) unbalanced.add(index);
  }
  for (const index of open) unbalanced.add(index);
  return unbalanced;
}

function escapePattern(text: string): string {
  return text.replaceAll(/[\\^$.|?*+()[\]{}]/g, "\\$&");
}
