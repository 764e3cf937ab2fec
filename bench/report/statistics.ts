// PURE
/** @param part from 0 to 1. @returns the smallest value that this part of all values does not exceed */
export function quantile(values: Iterable<number>, part: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * part) - 1))] ?? Number.NaN;
}

export const median = (values: Iterable<number>) => quantile(values, 0.5);

/** Of each field the median over several rows; what is no number is taken from the first row. */
export function medians<T extends object>(rows: T[]): T {
  const first = rows[0] as T;
  const names = Object.keys(first) as (keyof T)[];
  return Object.fromEntries(
    names.map((name) => [
      name,
      typeof first[name] === "number" ? median(rows.map((row) => row[name] as number)) : first[name],
    ]),
  ) as T;
}
