const MODIFIERS = "(?:export|default|declare|public|private|protected|static|abstract|async|pub|final|open)\\s+";
const CODE = new RegExp(
  `^(\\s*)(?:${MODIFIERS})*(?:function\\*?|class|interface|type|enum|struct|trait|impl|fn|def|func|fun|module|namespace)\\s+(?:\\([^)]*\\)\\s*)?([\\w$]+)`,
);
const VARIABLE = new RegExp(`^(\\s*)(?:${MODIFIERS})*(?:const|let|var)\\s+([\\w$]+)`);
/** `app.use = function use(…)`, `exports.x = …`, `handler: async () => …`. */
const ASSIGNMENT =
  /^(\s*)(?:[\w$]+\.)*([\w$]+)\s*[:=]\s*(?:async\s+)?(?:function\b|class\b|\([^)]*\)\s*(?::\s*\S+\s*)?=>|[\w$]+\s*=>)|^(\s*)(?:module\.)?exports\.([\w$]+)\s*=/;
const METHOD =
  /^(\s+)(?:(?:async|static|get|set|public|private|protected|\*)\s+)*([\w$]+)\s*\([^;]*\)\s*(?::\s*[^{;]+)?\{\s*$/;
const NO_METHOD = new Set(["if", "for", "while", "switch", "catch", "function", "return", "with"]);
const TABLE = /^(\s*)create\s+(?:or\s+replace\s+)?(?:table|view|function|index)\s+(?:if\s+not\s+exists\s+)?([\w$."]+)/i;

export interface Definition {
  name: string;
  /** Between 0 and 1: high for a function, lower for a constant, very low for a variable inside a function. */
  weight: number;
}

/** @returns the definition in a line; null when the line only mentions names */
export function definitionIn(text: string): Definition | null {
  if (isImport(text) || isComment(text)) return null;
  for (const pattern of [CODE, ASSIGNMENT, METHOD, TABLE]) {
    const match = pattern.exec(text);
    const name = match?.[2] ?? match?.[4];
    if (match && name && !NO_METHOD.has(name)) return { name, weight: (match[1] ?? match[3]) === "" ? 1 : 0.8 };
  }
  const [, indent, name] = VARIABLE.exec(text) ?? [];
  return name === undefined ? null : { name, weight: indent === "" ? 0.6 : 0.1 };
}

/** Also true for an export of names, which neither uses nor defines them. */
export function isImport(text: string): boolean {
  return /^\s*(import\b|from\s+\S+\s+import|use\s+\w+::|#include)|\brequire\(|^\s*export\s*[*{]|^\s*module\.exports\s*=\s*\{/.test(
    text,
  );
}

export function isComment(text: string): boolean {
  return /^\s*(\/\/|\/?\*|#(?!include)|--|<!--|""")/.test(text);
}
