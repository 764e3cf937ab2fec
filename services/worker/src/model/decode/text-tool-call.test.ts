import { describe, expect, it } from "vitest";
import { createTextToolCallFilter } from "./text-tool-call.ts";

function pass(parts: string[]) {
  const filter = createTextToolCallFilter();
  return { shown: parts.map(filter.push).join(""), found: filter.found(), held: filter.end() };
}

describe("createTextToolCallFilter", () => {
  it.each([
    '<tool_call>\n{"name":"grep"}',
    "<function=grep>\n<parameter=pattern>",
    "[TOOL_CALLS]grep",
    'grep[ARGS]{"a":1}',
  ])("finds %j and shows nothing of the marker", (call) => {
    const { shown, found, held } = pass([..."I look. ", ...call]);
    expect(found).toBe(true);
    expect(shown + held).toBe(`I look. ${call}`);
    expect(shown).not.toMatch(/[<[]/);
  });

  it.each([
    "Qwen writes `<tool_call>` before a call.",
    "It is:\n```\n<tool_call>\n{}\n```\nThat is all.",
    "a < b and c[0] and <tool",
  ])("lets %j pass", (text) => {
    const { shown, found, held } = pass([...text]);
    expect({ found, text: shown + held }).toEqual({ found: false, text });
  });
});
