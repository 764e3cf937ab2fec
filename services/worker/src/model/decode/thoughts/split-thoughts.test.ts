import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { joinPieces } from "../../../../test/model/join-pieces.ts";
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
    ["<think>a</think><think>b</think>\n\n<think>c</think>d<think>e</think>", "abc", "d<think>e</think>"],
    ["<think>a</think><thi", "a", "<thi"],
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

  it.each([
    ["<thinking>a</thinking>b", "a", "b"],
    ["<Thinking>a</thinking>\nb", "a", "b"],
    ["<thought>a</thought>b", "a", "b"],
    ["<reasoning>\na\n</reasoning>\n\nb", "\na\n", "b"],
    ["<seed:think>a</seed:think>b", "a", "b"],
    ["[THINK]a[/THINK]b", "a", "b"],
    ["◁think▷a◁/think▷b", "a", "b"],
    ["<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>b<|END_RESPONSE|>", "a", "b"],
    ["<|begin_of_thought|>a<|end_of_thought|>\n<|begin_of_solution|>b<|end_of_solution|>\n", "a", "b"],
    ["<|channel>thought\na<channel|>b", "a", "b"],
    ["<think>a</think>\n<answer>\nb</answer>", "a", "b"],
    ["<think>a</think><answer>b</answer> is XML</answer>", "a", "b</answer> is XML"],
    ["<think>a</think><ans", "a", "<ans"],
    ["a\n</thinking>\nb", "a\n", "b"],
    ["a\n[/THINK]\nb", "a\n", "b"],
    ["a\n</seed:think>\nb", "a\n", "b"],
    ["a\n◁/think▷b", "a\n", "b"],
    ["<thinking>a</think></thinking>b", "a</think>", "b"],
    ["[THIS] is it", "", "[THIS] is it"],
    ["The tag [/THINK] closes a thought.", "", "The tag [/THINK] closes a thought."],
    ["<thinker>a</thinker>", "", "<thinker>a</thinker>"],
  ])("recognizes the tags of other models: %j", (whole, reasoning, text) => {
    expect(split([whole])).toEqual({ reasoning, text });
    expect(split([...whole])).toEqual({ reasoning, text });
  });

  const CALL = '<|channel|>commentary to=functions.grep <|constrain|>json<|message|>{"a":1}<|call|>';
  it.each([
    ["<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>", "a", "b"],
    ["<|channel|>analysis<|message|>a<|channel|>final<|message|>b", "a", "b"],
    ["<|channel|>final<|message|>b", "", "b"],
    ["<|start|>assistant<|channel|>final<|message|>b<|end|>", "", "b"],
    ["<|channel|>analysis<|message|>a<|end|>\n<|start|>assistant<|channel|>analysis<|message|>c<|end|>", "ac", ""],
    [`<|channel|>analysis<|message|>a<|end|><|start|>assistant${CALL}`, "a", `<|start|>assistant${CALL}`],
    [`<|channel|>commentary<|message|>I look.<|end|>${CALL}`, "", `I look.\n${CALL}`],
    ["<|channel|>analysis<|message|>a < b <|en", "a < b <|en", ""],
    ["<|channel|>final<|message|>The token <|channel|> names it.", "", "The token <|channel|> names it."],
    ["<|channel|> names the channel.", "", "<|channel|> names the channel."],
    [`<|channel|> ${"long ".repeat(100)}`, "", `<|channel|> ${"long ".repeat(100)}`],
    ["<|channel|>final<|message|>b<|end|>c", "", "bc"],
  ])("recognizes gpt-oss's channels: %j", (whole, reasoning, text) => {
    expect(split([whole])).toEqual({ reasoning, text });
    expect(split([...whole])).toEqual({ reasoning, text });
  });

  it("returns the same for any chunking, and loses nothing of an answer without reasoning", () => {
    const part = fc.oneof(
      fc.constantFrom("<think>", "</think>", "<", "</th", "ink>", "\n", "`", "```", "x"),
      fc.constantFrom(
        "[THINK]",
        "[/THINK]",
        "<answer>",
        "</answer>",
        "<thinking>",
        "</thinking>",
        "<|channel>thought\n",
      ),
      fc.constantFrom("<|channel|>", "analysis", "final", "to=x", "<|message|>", "<|end|>", "<|start|>", "assistant"),
      fc.string({ maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        expect(split(parts)).toEqual(split([parts.join("")]));
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!/<|\[|◁/.test(text));
        expect(split([`x${text}`]).text).toBe(`x${text}`);
      }),
    );
  });
});
