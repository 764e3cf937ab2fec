import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { joinPieces } from "../../../test/model/join-pieces.ts";
import { createThoughtSplitter } from "./split-thoughts.ts";

function split(parts: string[]) {
  const splitter = createThoughtSplitter();
  return joinPieces([...parts.flatMap((part) => splitter.push(part)), ...splitter.end()]);
}

describe("createThoughtSplitter", () => {
  it.each([
    ["<think>\nhm\n</think>\n\nFour.", "\nhm\n", "Four."],
    ["\n<think></think>Four.", "", "Four."],
    ["<think>cut in the mid", "cut in the mid", ""],
    ["The tag <think> opens a thought.", "", "The tag <think> opens a thought."],
    ["<thi", "", "<thi"],
    ["  plain", "", "  plain"],
    ["<think>a < b </thin", "a < b </thin", ""],
    ["<think>a</think>b</think><think>c", "a", "b</think><think>c"],
    ["hm\n</think>\n\nFour.", "hm\n", "Four."],
    ["\n hm</think>\n\nFour.", "\n hm", "Four."],
    ["hm\n  </think>Four.", "hm\n  ", "Four."],
    ["hm\n</think>", "hm\n", ""],
    ["hm</think>", "hm", ""],
    ["</think>\n\nFour.", "", "Four."],
    ["hm\n</think>\na\n</think>\nb", "hm\n", "a\n</think>\nb"],
    ["A </think> tag closes a thought.", "", "A </think> tag closes a thought."],
    ["It is\n```\n</think>\n```\nthere.", "", "It is\n```\n</think>\n```\nthere."],
    ["It is `</think>`\n", "", "It is `</think>`\n"],
    ["First <think>\nthen\n</think>\n", "", "First <think>\nthen\n</think>\n"],
    ["hm </thin", "", "hm </thin"],
  ])("splits %j", (whole, reasoning, text) => {
    expect(split([whole])).toEqual({ reasoning, text });
    expect(split([...whole])).toEqual({ reasoning, text });
  });

  it("returns the same for any chunking, and loses nothing of an answer without reasoning", () => {
    const part = fc.oneof(
      fc.constantFrom("<think>", "</think>", "<", "</th", "ink>", "\n", "`", "```", "x"),
      fc.string({ maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        expect(split(parts)).toEqual(split([parts.join("")]));
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!text.includes("</think>"));
        expect(split([`x${text}`]).text).toBe(`x${text}`);
      }),
    );
  });
});
