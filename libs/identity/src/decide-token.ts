// PURE
import type { CreateToken, Scope } from "@boocode/contracts";
import type { Caller } from "./tokens.ts";

/** What a new token permits, and until when; null: for ever. */
export interface TokenRights {
  scopes: Scope[];
  expiresAt: Date | null;
}

/**
 * Decides what a token may permit that a caller makes for itself: no scope that its own token lacks, and not for longer, so that
 * nobody who gets hold of a token can make more of it.
 * @returns the reason of a refusal as a text
 */
export function decideToken(
  caller: Pick<Caller, "role" | "scopes" | "expiresAt">,
  wanted: Pick<CreateToken, "scopes" | "expires_at">,
): TokenRights | string {
  const lacking = wanted.scopes.find((scope) => !caller.scopes.includes(scope));
  if (lacking) return `this needs a token with the scope \`${lacking}\``;
  if (wanted.scopes.includes("admin") && caller.role !== "admin") return "only an administrator has the scope `admin`";
  const latest = caller.expiresAt === null ? null : new Date(caller.expiresAt);
  if (wanted.expires_at === undefined) return { scopes: wanted.scopes, expiresAt: latest };
  const expiresAt = wanted.expires_at === null ? null : new Date(wanted.expires_at);
  if (latest && (expiresAt === null || expiresAt > latest)) {
    return `a token cannot make one that expires later than itself, at ${caller.expiresAt}`;
  }
  return { scopes: wanted.scopes, expiresAt };
}
