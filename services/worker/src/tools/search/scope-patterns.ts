/**
 * Converts the patterns of an ignore file in `directory` (`.`, or relative to the root) to equivalent patterns for an ignore
 * file at the root. A pattern with a slash before its end is a path from the directory of its file; any other matches names at
 * any depth below it. https://git-scm.com/docs/gitignore#_pattern_format
 */
export function scopeIgnores(text: string, directory: string): string[] {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const patterns = lines.filter((line) => line.trim() !== "" && !line.startsWith("#") && !line.includes("\0"));
  if (directory === ".") return patterns;
  // An ignore file cannot express a name with a line break.
  if (/[\r\n]/.test(directory)) return [];
  return patterns.map((line) => {
    const sign = line.startsWith("!") ? "!" : "";
    const pattern = line.slice(sign.length);
    const anchored = /\/./.test(pattern);
    return `${sign}/${escapeGlob(directory)}/${anchored ? pattern.replace(/^\//, "") : `**/${pattern}`}`;
  });
}

/** A glob that matches only this text. */
export function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]{},!#]/g, "\\$&");
}
