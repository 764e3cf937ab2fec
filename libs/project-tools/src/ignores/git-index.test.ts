import fc from "fast-check";
import { expect, test } from "vitest";
import { parseGitIndex, UnreadableIndex } from "./git-index.ts";

const ENOUGH = { names: Number.MAX_SAFE_INTEGER };

/** Version 4 as git writes it: `a/b.ts`, `a/c.ts`, and the submodule `lib`. */
function versionFour(): Buffer {
  const entry = (mode: number, stripped: number, name: string) => {
    const stat = Buffer.alloc(62);
    stat.writeUInt32BE(mode, 24);
    return Buffer.concat([stat, Buffer.from([stripped]), Buffer.from(`${name}\0`)]);
  };
  const entries = [entry(0o100644, 0, "a/b.ts"), entry(0o100755, 4, "c.ts"), entry(0o160000, 6, "lib")];
  return Buffer.concat([Buffer.from("DIRC\0\0\0\u0004\0\0\0\u0003"), ...entries, Buffer.alloc(20)]);
}

test("names with a common prefix, and submodules, are read", () => {
  const index = { files: ["a/b.ts", "a/c.ts"], submodules: ["lib"], shared: null };
  expect(parseGitIndex(versionFour(), 20, ENOUGH)).toEqual(index);
  expect(parseGitIndex(versionFour(), 20, ENOUGH, new Set([0])).files).toEqual(["a/c.ts"]);
});

test("whatever the bytes, an index is parsed or fails with UnreadableIndex", () => {
  const change = fc.tuple(fc.nat({ max: 250 }), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 8 }), fc.nat({ max: 260 }), (changes, length) => {
      const bytes = versionFour().subarray(0, length);
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      try {
        parseGitIndex(bytes, 20, ENOUGH);
      } catch (error) {
        expect(error).toBeInstanceOf(UnreadableIndex);
      }
    }),
    { numRuns: 2000 },
  );
});

test("the names of all indexes together are limited", () => {
  const budget = { names: 30 };
  parseGitIndex(versionFour(), 20, budget);
  parseGitIndex(versionFour(), 20, budget);
  expect(() => parseGitIndex(versionFour(), 20, budget)).toThrow("its names are too long");
});
