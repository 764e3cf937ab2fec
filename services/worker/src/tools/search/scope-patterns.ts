/**
 * A model's glob as ripgrep's `--glob`, which reads it like a line of a .gitignore. Without a slash it is a name, wherever
 * it is below `directory`; with one it is a path from `directory` (`.`, or relative to the root), and a slash at the end means all below. A
 * leading `!` excludes.
 */
export function scopeGlob(glob: string, directory: string): string {
  const sign = glob.startsWith("!") ? "!" : "";
  const plain = glob.slice(sign.length).replace(/^\.\//, "").replace(/\/$/, "/**");
  if (!plain.includes("/")) return sign + plain;
  const prefix = directory === "." ? "" : `/${escapeGlob(directory)}`;
  return `${sign}${prefix}/${plain.replace(/^\/+/, "")}`;
}

/**
 * The lines of an ignore file in `directory` (relative to the root, `.` for the root) as lines of one at the root, with the
 * same meaning there: https://git-scm.com/docs/gitignore#_pattern_format. A pattern with a slash before its end is a path
 * from its file's directory; one without is a name at any depth below it.
 */
export function scopeIgnores(text: string, directory: string): string[] {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const patterns = lines.filter((line) => line.trim() !== "" && !line.startsWith("#") && !line.includes("\0"));
  if (directory === ".") return patterns;
  // A name with a line break has no place in an ignore file.
  if (/[\r\n]/.test(directory)) return [];
  return patterns.map((line) => {
    const sign = line.startsWith("!") ? "!" : "";
    const pattern = line.slice(sign.length);
    const anchored = /\/./.test(pattern);
    return `${sign}/${escapeGlob(directory)}/${anchored ? pattern.replace(/^\//, "") : `**/${pattern}`}`;
  });
}

/** The text as a glob that matches it alone. */
function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]{}!#]/g, "\\$&");
}
