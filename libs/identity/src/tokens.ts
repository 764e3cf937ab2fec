import { createHash, randomBytes } from "node:crypto";
import type { LimitChange, Role, Scope } from "@boocode/contracts";
import { findUserByTokenHash, type Sql } from "@boocode/store";

/** Who sends a request, and what the credential permits. */
export interface Caller {
  userId: string;
  userName: string;
  role: Role;
  /** What an administrator set for this user in place of USER_LIMITS. */
  limits?: LimitChange | null;
  /** null: the caller was identified by another credential than a token of ours. */
  tokenId: string | null;
  scopes: Scope[];
  /** When the credential expires, as an ISO timestamp; null: never. */
  expiresAt: string | null;
}

const TOKEN = /^boo_[A-Za-z0-9_-]{43}$/;

/** @returns a token of 256 random bits; only its hash is stored */
export function makeToken(): string {
  return `boo_${randomBytes(32).toString("base64url")}`;
}

/** @returns the secret of a link to a shared session, of as many bits */
export function makeShareToken(): string {
  return `boos_${randomBytes(32).toString("base64url")}`;
}

/** SHA-256 is enough: a token is random, so a slow hash would add no protection. */
export function hashSecret(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

/** @returns null for a token that is malformed, unknown, revoked or expired, or whose user is disabled or deleted */
export async function findCaller(sql: Sql, token: string): Promise<Caller | null> {
  if (!TOKEN.test(token)) return null;
  const user = await findUserByTokenHash(sql, hashSecret(token));
  if (!user) return null;
  const { id: userId, name: userName, ...credential } = user;
  return { userId, userName, ...credential };
}

/**
 * The `WWW-Authenticate` of a 401 (RFC 6750).
 * @param header the request's `Authorization`: without one, the request made no mistake that the answer could name
 */
export function challenge(header: string | undefined): string {
  return header === undefined ? 'Bearer realm="boocode"' : 'Bearer realm="boocode", error="invalid_token"';
}

/** @returns the token of an `Authorization: Bearer …` header */
export function bearerToken(header: string | undefined): string | null {
  return /^Bearer ([^\s]+)$/i.exec(header ?? "")?.[1] ?? null;
}
