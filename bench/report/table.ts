// PURE
/** Three significant digits, and all digits before the point. */
export function rounded(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "–" : "∞";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.max(Math.abs(value), 0.01))));
  return value.toFixed(Math.min(digits, 2)).replace(/\.0+$/, "");
}

/** A table of Markdown: one object for each row, with the columns of the first. */
export function makeTable(rows: Record<string, string | number>[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const cells = rows.map((row) => columns.map((column) => format(row[column])));
  const widths = columns.map((column, at) => Math.max(column.length, ...cells.map((row) => row[at]?.length ?? 0)));
  const line = (texts: string[]) => `| ${texts.map((text, at) => text.padEnd(widths[at] as number)).join(" | ")} |`;
  return [line(columns), `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`, ...cells.map(line)].join("\n");
}

const format = (value: string | number | undefined) => (typeof value === "number" ? rounded(value) : (value ?? "–"));
