import type { API_ERRORS, ApiErrorCode, CloseReason } from "@boocode/contracts";

/**
 * The codes of a `BooCodeError`: those of the API's error table, the reason why a socket was closed for good, `network` (no
 * answer in time), `unexpected` (an answer that is not BooCode's, for example a proxy's), or `closed` (the follower was
 * closed).
 */
export type BooCodeErrorCode = ApiErrorCode | CloseReason | "network" | "unexpected" | "closed";

/** Every error that this library throws or reports. */
export class BooCodeError extends Error {
  override name = "BooCodeError";
  readonly code: BooCodeErrorCode;
  /** The HTTP status, or the close code of a socket; 0 when there was no answer. */
  readonly status: number;
  /** The same request may succeed later. */
  readonly retryable: boolean;
  /** The time that the server asked to wait, in ms; null when it named none. */
  readonly retryAfterMs: number | null;

  constructor(
    code: BooCodeErrorCode,
    message: string,
    about: { status?: number; retryable?: boolean; retryAfterMs?: number | null; cause?: unknown } = {},
  ) {
    super(message, { cause: about.cause });
    this.code = code;
    this.status = about.status ?? 0;
    this.retryable = about.retryable ?? isRetryable(code);
    this.retryAfterMs = about.retryAfterMs ?? null;
  }
}

type Table = typeof API_ERRORS;
type Retryable = { [Code in keyof Table]: Table[Code]["retry"] extends true ? Code : never }[keyof Table];

/** The codes of the contracts' table that may be retried, and `network`. The type keeps it equal to that table. */
const RETRYABLE: Record<Retryable | "network", true> = {
  session_busy: true,
  rate_limited: true,
  model_server_unavailable: true,
  unavailable: true,
  internal: true,
  network: true,
};

/** Whether the same request may succeed later. */
function isRetryable(code: string): boolean {
  return Object.hasOwn(RETRYABLE, code);
}
