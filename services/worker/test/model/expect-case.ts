import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";

/** The expected fields of a result: a value, or an object with one `$matcher`. */
export type Expectation = Record<string, unknown>;

/** The client's result for a case. */
export type CaseResult = Record<string, unknown> & { toolCalls: Record<string, unknown>[]; error: string | null };

/** @returns one line for every expectation that fails. */
export function misses(expected: Expectation, result: CaseResult): string[] {
  return Object.entries(expected)
    .filter(([field, wanted]) => !holds(field, wanted, result))
    .map(([field, wanted]) => `${field}: wanted ${brief(wanted)}, got ${brief(result[field])}`);
}

function holds(field: string, wanted: unknown, result: CaseResult): boolean {
  switch (field) {
    case "error":
      return result.error?.toLowerCase().includes(String(wanted).toLowerCase()) === true;
    case "errorNot":
      return !(result.error ?? "").includes(String(wanted));
    case "toolCalls":
      return Array.isArray(wanted) && sameCalls(wanted, result.toolCalls);
    case "distinctIds":
      return new Set(result.toolCalls.map((call) => call.id)).size === result.toolCalls.length;
    case "minContentDeltas":
      return Number(result.contentDeltas) >= Number(wanted);
    case "maxMs":
    case "serverSawCloseWithinMs":
      return Number(result.ms) <= Number(wanted);
    case "abortAfterMs":
      return true;
    case "$either":
      return (wanted as Expectation[]).some((choice) => misses(choice, result).length === 0);
    default:
      return fits(wanted, result[field]);
  }
}

function sameCalls(wanted: Record<string, unknown>[], calls: Record<string, unknown>[]): boolean {
  if (wanted.length !== calls.length) return false;
  return wanted.every((call, place) => Object.entries(call).every(([key, value]) => fits(value, calls[place]?.[key])));
}

function fits(wanted: unknown, value: unknown): boolean {
  if (typeof wanted !== "object" || wanted === null || Array.isArray(wanted))
    return isDeepStrictEqual(wanted, value ?? null);
  const entries = Object.entries(wanted);
  const [name, operand] = entries[0] ?? [];
  const text = typeof value === "string" ? value : "";
  switch (name) {
    case "$any":
      return (operand as unknown[]).some((choice) => fits(choice, value));
    case "$empty":
      return value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0);
    case "$nonEmpty":
      return text !== "";
    case "$contains":
      return text.includes(String(operand));
    case "$notContains":
      return !text.includes(String(operand));
    case "$re":
      return new RegExp(String(operand)).test(text);
    case "$length":
    case "$sha256": {
      const { $length, $sha256 } = wanted as { $length: number; $sha256: string };
      return text.length === $length && createHash("sha256").update(text).digest("hex") === $sha256;
    }
    case "$subset":
      return Object.entries(operand as object).every(([key, part]) => fits(part, (value as Expectation)?.[key]));
    default: {
      if (typeof value !== "object" || value === null) return false;
      const same = Object.keys(value).length === entries.length;
      return same && entries.every(([key, part]) => fits(part, (value as Expectation)[key]));
    }
  }
}

function brief(value: unknown): string {
  return (JSON.stringify(value) ?? "nothing").slice(0, 300);
}
