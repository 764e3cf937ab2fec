import type { CLOSE_CODES, CloseReason } from "@boocode/contracts";

type Table = typeof CLOSE_CODES;
type Final = { [Reason in CloseReason]: Table[Reason]["reconnect"] extends false ? Reason : never }[CloseReason];

/** The close codes after which a client must not come back. The compiler holds this to the contracts' table. */
const FINAL: { [Reason in Final]: Table[Reason]["code"] } = {
  message_too_big: 1009,
  bad_request: 4400,
  unauthenticated: 4401,
  not_found: 4404,
};

/** @returns why a socket is closed for good; null when the client should come back with its cursor */
export function finalCloseReason(code: number): CloseReason | null {
  const found = Object.entries(FINAL).find(([, final]) => final === code);
  return found ? (found[0] as CloseReason) : null;
}
