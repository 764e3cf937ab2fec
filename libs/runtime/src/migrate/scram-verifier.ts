import { createHash, createHmac, pbkdf2Sync } from "node:crypto";

/** Postgres' own default. */
const ITERATIONS = 4_096;

/**
 * What Postgres stores of a password. Sent in place of the password, it keeps the password out of the server's log.
 * https://www.postgresql.org/docs/current/catalog-pg-authid.html
 * @param salt 16 random bytes
 */
export function scramVerifier(password: string, salt: Buffer): string {
  // Of SASLprep, what usual passwords need.
  const salted = pbkdf2Sync(password.normalize("NFKC"), salt, ITERATIONS, 32, "sha256");
  const key = (name: string) => createHmac("sha256", salted).update(name).digest();
  const storedKey = createHash("sha256").update(key("Client Key")).digest();
  const [s, stored, server] = [salt, storedKey, key("Server Key")].map((bytes) => bytes.toString("base64"));
  return `SCRAM-SHA-256$${ITERATIONS}:${s}$${stored}:${server}`;
}
