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

/** The text as a glob that matches it alone. */
export function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]{}!#]/g, "\\$&");
}
