import type { Scope } from "@boocode/contracts";
import type { Caller } from "@boocode/identity";
import { ApiError } from "./errors.ts";

/** @throws ApiError `forbidden` when the credential lacks the scope, or the scope is `admin` and the user is no administrator */
export function requireScope({ scopes, role }: Caller, scope: Scope): void {
  if (!scopes.includes(scope)) throw new ApiError("forbidden", `this needs a token with the scope \`${scope}\``);
  if (scope === "admin" && role !== "admin") throw new ApiError("forbidden", "this needs an administrator");
}
