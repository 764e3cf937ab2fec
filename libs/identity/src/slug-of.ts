// PURE

const MAX_LENGTH = 40;

/** The slug that a user of this name gets if it is free: a name of a folder, made of a-z, 0-9 and hyphens. */
export function slugOf(name: string): string {
  const words = name
    .normalize("NFKD")
    .toLowerCase()
    // Without the accents, which NFKD has made characters of their own.
    .replace(/\p{Mark}/gu, "")
    .replace(/[^a-z0-9]+/g, "-");
  return words.replace(/^-/, "").slice(0, MAX_LENGTH).replace(/-$/, "") || "user";
}
