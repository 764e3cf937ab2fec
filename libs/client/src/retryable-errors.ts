import type { API_ERRORS } from "@boocode/contracts";

type Table = typeof API_ERRORS;
type Retryable = { [Code in keyof Table]: Table[Code]["retry"] extends true ? Code : never }[keyof Table];

/** The codes of the contracts' table that may be retried. The compiler holds both tables to each other. */
const RETRYABLE: Record<Retryable | "network", true> = {
  session_busy: true,
  model_server_unavailable: true,
  unavailable: true,
  internal: true,
  network: true,
};

/** Whether the same request may succeed later. */
export function isRetryable(code: string): boolean {
  return Object.hasOwn(RETRYABLE, code);
}
