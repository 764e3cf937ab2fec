import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createScrubber, formsOf } from "./scrubber.ts";

// Few letters, so that secrets overlap, contain each other, and begin again within themselves.
const letters = fc.constantFrom("a", "b", "-", "$", "🌊");
const word = fc.array(letters, { minLength: 1, maxLength: 6 }).map((some) => some.join(""));
const secrets = fc.array(word, { minLength: 0, maxLength: 4 });
const texts = (of: string[]) =>
  fc
    .array(fc.oneof(word, ...(of.length > 0 ? [fc.constantFrom(...of)] : [])), { maxLength: 20 })
    .map((all) => all.join(""));

/** Cuts a text at the given places, also inside characters. */
function piecesOf(text: string, cuts: number[]): string[] {
  const places = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((from, index) => text.slice(from, [...places, text.length][index]));
}

describe("a scrubber", () => {
  it("gives the same for a whole text and for its pieces, however they are cut", () => {
    fc.assert(
      fc.property(
        secrets.chain((known) => fc.tuple(fc.constant(known), texts(known))),
        fc.array(fc.nat(), { maxLength: 40 }),
        ([known, text], cuts) => {
          const scrubber = createScrubber(known);
          const stream = scrubber.stream();
          const longest = Math.max(1, ...known.map(({ length }) => length));
          let given = 0;
          let out = "";
          for (const piece of piecesOf(text, cuts)) {
            given += piece.length;
            const said = stream.push(piece);
            out += said;
            // What is held back is always shorter than a secret. Marks only make the output differ in length.
            if (!out.includes("[secret]")) expect(given - out.length).toBeLessThan(longest);
          }
          expect(out + stream.end()).toBe(scrubber.scrub(text));
          expect(stream.end()).toBe("");
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it("leaves no secret, and nothing else out", () => {
    fc.assert(
      fc.property(
        secrets.chain((known) => fc.tuple(fc.constant(known), texts(known))),
        ([known, text]) => {
          const parts = createScrubber(known).scrub(text).split("[secret]");
          for (const part of parts) for (const secret of known) expect(part).not.toContain(secret);
          if (parts.length === 1) expect(parts[0]).toBe(text);
        },
      ),
    );
  });

  it("takes the longest secret at a place, and knows a secret in a URL and in JSON", () => {
    expect(createScrubber(["key", "key-long"]).scrub("key-long key")).toBe("[secret] [secret]");
    const scrubber = createScrubber(formsOf('a"b/c'));
    expect(scrubber.scrub(`a"b/c ${JSON.stringify('a"b/c')} ?k=${encodeURIComponent('a"b/c')}`)).toBe(
      '[secret] "[secret]" ?k=[secret]',
    );
    expect(createScrubber([""]).scrub("a")).toBe("a");
    expect(formsOf("\ud800")).toHaveLength(3);
  });

  it("lets a text pass at once that begins no secret", () => {
    const stream = createScrubber(["secret-key"]).stream();
    expect(["an answer", " about s", "ec", "urity", " sec", "ret-k", "ey."].map(stream.push)).toEqual([
      ...["an answer", " about ", "", "security", " ", "", "[secret]."],
    ]);
    expect(stream.end()).toBe("");
  });
});
