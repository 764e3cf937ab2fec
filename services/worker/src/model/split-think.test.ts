import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createThinkSplitter } from "./split-think.ts";

function split(parts: string[]) {
  const splitter = createThinkSplitter();
  const pieces = [...parts.flatMap((part) => splitter.push(part)), ...splitter.end()];
  const joined = (type: string) => pieces.filter((piece) => piece.type === type).map(({ text }) => text);
  return { reasoning: joined("reasoning").join(""), text: joined("text").join("") };
}

describe("createThinkSplitter", () => {
  it.each([
    ["<think>\nhm\n</think>\n\nFour.", "\nhm\n", "Four."],
    ["\n<think></think>Four.", "", "Four."],
    ["<think>cut in the mid", "cut in the mid", ""],
    ["The tag <think> opens a thought.", "", "The tag <think> opens a thought."],
    ["<thi", "", "<thi"],
    ["  plain", "", "  plain"],
    ["<think>a < b </thin", "a < b </thin", ""],
    ["<think>a</think>b</think><think>c", "a", "b</think><think>c"],
  ])("splits %j", (whole, reasoning, text) => {
    expect(split([whole])).toEqual({ reasoning, text });
    expect(split([...whole])).toEqual({ reasoning, text });
  });

  it("gives the same for any chunking, and loses nothing of an answer without a thought", () => {
    const part = fc.oneof(
      fc.constantFrom("<think>", "</think>", "<", "</th", "ink>", "\n"),
      fc.string({ maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        expect(split(parts)).toEqual(split([parts.join("")]));
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(split([`x${text}`]).text).toBe(`x${text}`);
      }),
    );
  });
});
