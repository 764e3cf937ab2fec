// PURE
const MARK = "[secret]";

/** Removes secrets from texts; of several that match at one position, the longest. */
export interface Scrubber {
  scrub(text: string): string;
  /** For a text that arrives in pieces. The joined results equal the scrubbed whole text, however it is split. */
  stream(): ScrubbedStream;
}

export interface ScrubbedStream {
  /** Holds back an end that may begin a secret: always less than the longest secret. */
  push(piece: string): string;
  /** @returns what was held back. Afterwards the stream takes another text. */
  end(): string;
}

/** The forms in which a peer may echo a secret: verbatim, URL-encoded and JSON-escaped. */
export function formsOf(secret: string): string[] {
  return [secret, encodeURIComponent(secret.toWellFormed()), JSON.stringify(secret).slice(1, -1)];
}

/** @param forms the texts to remove; empty ones are ignored */
export function createScrubber(forms: Iterable<string>): Scrubber {
  const secrets = [...new Set(forms)].filter((form) => form !== "").sort((a, b) => b.length - a.length);
  if (secrets.length === 0) return { scrub: (text) => text, stream: () => ({ push: (piece) => piece, end: () => "" }) };
  const longest = secrets[0]?.length ?? 0;
  // The longest comes first, and an alternation takes the first that matches.
  const any = new RegExp(secrets.map((secret) => secret.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("|"), "g");
  const scrub = (text: string) => text.replace(any, MARK);

  /** The position from which the text may be an incomplete secret; the text's length if there is none. */
  function heldFrom(text: string, from: number): number {
    for (let at = Math.max(from, text.length - longest + 1); at < text.length; at++) {
      const tail = text.slice(at);
      if (secrets.some((secret) => secret.length > tail.length && secret.startsWith(tail))) return at;
    }
    return text.length;
  }

  return {
    scrub,
    stream() {
      let held = "";
      return {
        push(piece) {
          const text = held + piece;
          let out = "";
          for (let at = 0; ; ) {
            any.lastIndex = at;
            const match = any.exec(text);
            const end = heldFrom(text, at);
            if (match === null || match.index >= end) {
              held = text.slice(end);
              return out + text.slice(at, end);
            }
            out += text.slice(at, match.index) + MARK;
            at = match.index + match[0].length;
          }
        },
        end() {
          const rest = scrub(held);
          held = "";
          return rest;
        },
      };
    },
  };
}
