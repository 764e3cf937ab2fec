import { randomUUID } from "node:crypto";
import type { ApiErrorCode, CreatedToken } from "@boocode/contracts";
import { type Caller, hashSecret, makeToken } from "@boocode/identity";
import { createTokenAs, type NewToken, type Pool, type TokenRefusal } from "@boocode/store";
import { ApiError } from "./errors.ts";

// What the routes share that create a token.

/** The answer for each reason why the store refuses a token. */
const REFUSALS: Record<TokenRefusal, [code: ApiErrorCode, message?: string]> = {
  no_user: ["not_found"],
  has_data: ["forbidden", "this user has projects, which the token would show; only the operator can create it"],
  revoked: ["unauthenticated"],
  too_many: ["too_many_tokens"],
  expired: ["invalid_request", "body.expires_at: must be in the future"],
};

/** The error codes of a route that creates a token, besides those of every route. */
export const TOKEN_ERRORS = ["too_many_tokens"] as const;

/** Creates a token on behalf of a caller. @throws ApiError when the store refuses it */
export async function issueToken(
  pool: Pool,
  caller: Caller,
  wanted: Omit<NewToken, "id" | "tokenHash">,
): Promise<CreatedToken> {
  const token = makeToken();
  const created = await createTokenAs(pool, caller, { ...wanted, id: randomUUID(), tokenHash: hashSecret(token) });
  if (typeof created === "string") throw new ApiError(...REFUSALS[created]);
  return { ...created, token };
}
