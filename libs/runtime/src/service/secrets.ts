import { createScrubber, formsOf } from "./scrubber.ts";

/** Shorter values would turn ordinary text into holes. */
const SHORTEST = 4;

const secrets = new Set<string>();
let scrubber = createScrubber([]);

/** Registers a value that this process holds and that must appear in no log line and in no text for users. */
export function keepSecret(value: string | null | undefined): void {
  if (!value || value.length < SHORTEST) return;
  const known = secrets.size;
  for (const form of formsOf(value)) secrets.add(form);
  if (secrets.size > known) scrubber = createScrubber(secrets);
}

/** Registers the password of a URL and its basic authentication, also when `URL` cannot parse it (several hosts). */
export function keepSecretsOf(url: string): void {
  const [, login = ""] = /^[a-z][a-z0-9+.-]*:\/\/([^/?\s]*)@/i.exec(url.trim()) ?? [];
  const [, username = "", password = ""] = /^([^:]*):(.*)$/s.exec(login) ?? [];
  if (password === "") return;
  keepSecret(decode(password));
  keepSecret(password);
  // Basic authentication.
  keepSecret(Buffer.from(`${decode(username)}:${decode(password)}`).toString("base64"));
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Removes every registered secret from a text that comes from a peer or from the runtime. */
export const scrub = (text: string): string => scrubber.scrub(text);

/** Deeper strings stay as they are. No peer's answer is so deep, and the limit ends the walk of a cyclic object. */
const MAX_DEPTH = 20;

/**
 * Removes every registered secret from the strings and property names of plain objects and arrays; other objects stay as they are.
 * @param remove used in place of `scrub`, to remove other secrets
 */
export function scrubStrings<T>(value: T, remove: (text: string) => string = scrub): T {
  return scrubValue(value, remove, MAX_DEPTH) as T;
}

function scrubValue(value: unknown, remove: (text: string) => string, depth: number): unknown {
  if (typeof value === "string") return remove(value);
  if (depth === 0) return value;
  if (Array.isArray(value)) return value.map((each) => scrubValue(each, remove, depth - 1));
  if (!isPlain(value)) return value;
  const entries = Object.entries(value).map(([name, each]) => [remove(name), scrubValue(each, remove, depth - 1)]);
  return Object.fromEntries(entries);
}

function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
