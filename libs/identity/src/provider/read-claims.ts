// PURE
import { Name, type Role } from "@boocode/contracts";
import type { ProviderSettings } from "./provider-env.ts";

type Claims = Record<string, unknown>;

/** @param path names with dots between them; a claim whose own name has dots, as Auth0 demands, is found first */
function claimAt(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  return path.split(".").reduce<unknown>((at, name) => {
    return typeof at === "object" && at !== null && Object.hasOwn(at, name) ? (at as Claims)[name] : undefined;
  }, claims);
}

/** @returns the role that the token gives its user; null when roles are not the provider's matter */
export function roleIn(claims: Claims, { roleClaim, adminRole }: ProviderSettings): Role | null {
  if (roleClaim === null) return null;
  const roles = claimAt(claims, roleClaim);
  // A list, or a text with blanks between the roles, as in `scope`.
  const names = Array.isArray(roles) ? roles : typeof roles === "string" ? roles.split(" ") : [];
  return names.includes(adminRole) ? "admin" : "user";
}

/** The name that a new user gets if it is free: never an identity, only what others see. */
export function nameIn(claims: Claims, { nameClaim }: ProviderSettings): string {
  const name = Name.safeParse(claimAt(claims, nameClaim));
  return name.success ? name.data : "user";
}

/**
 * Whether a verified token is an access token that anybody who has it may use. Not one of the provider's other kinds, such as a
 * logout token, nor one that is bound to a key whose proof we do not check (RFC 9449, RFC 8705).
 */
export function isBearerAccessToken(typ: string | undefined, claims: Claims): boolean {
  const kind = (typ ?? "JWT").toLowerCase().replace(/^application\//, "");
  return (kind === "jwt" || kind === "at+jwt") && claims.cnf === undefined && typeof claims.sub === "string";
}
