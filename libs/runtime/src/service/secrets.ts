/** Shorter values would turn ordinary text into holes. */
const SHORTEST = 4;
const SECRET = "[secret]";

const secrets = new Set<string>();

/** Registers a value that this process holds and that must appear in no log line and in no text for users. */
export function keepSecret(value: string | null | undefined): void {
  if (!value || value.length < SHORTEST) return;
  // As it is, as part of a URL, and as JSON writes it.
  for (const form of [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1)]) secrets.add(form);
}

/** Registers the user and password of a URL, also of one that only its own client can read, as with several hosts. */
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
export function scrub(text: string): string {
  let clean = text;
  for (const secret of secrets) clean = clean.replaceAll(secret, SECRET);
  return clean;
}
