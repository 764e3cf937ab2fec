import type { ApiErrorCode, CloseReason } from "@boocode/contracts";
import { isRetryable } from "./retryable-errors.ts";

/**
 * What a `BooCodeError` can be: an answer of the API's error table, the reason why a socket was closed for good, `network`
 * (no answer came, or none in time), `unexpected` (an answer that is none of BooCode's, a proxy's for instance), or `closed`
 * (the follower was closed).
 */
export type BooCodeErrorCode = ApiErrorCode | CloseReason | "network" | "unexpected" | "closed";

/** Every error that this library throws or ends with. */
export class BooCodeError extends Error {
  override name = "BooCodeError";
  readonly code: BooCodeErrorCode;
  /** The HTTP status, or the close code of a socket; 0 when there was no answer. */
  readonly status: number;
  /** The same request may succeed when it is sent again, a little later. */
  readonly retryable: boolean;

  constructor(
    code: BooCodeErrorCode,
    message: string,
    about: { status?: number; retryable?: boolean; cause?: unknown } = {},
  ) {
    super(message, { cause: about.cause });
    this.code = code;
    this.status = about.status ?? 0;
    this.retryable = about.retryable ?? isRetryable(code);
  }
}
