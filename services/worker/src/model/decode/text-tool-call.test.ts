import { describe, expect, it } from "vitest";
import { createLeakGate } from "./text-tool-call.ts";

function pass(parts: string[]) {
  const gate = createLeakGate();
  return { shown: parts.map(gate.push).join(""), leaked: gate.leaked(), held: gate.end() };
}

describe("createLeakGate", () => {
  it.each([
    '<tool_call>\n{"name":"grep"}',
    "<function=grep>\n<parameter=pattern>",
    "[TOOL_CALLS]grep",
    'grep[ARGS]{"a":1}',
  ])("finds %j and shows nothing of the marker", (leak) => {
    const { shown, leaked, held } = pass([..."I look. ", ...leak]);
    expect(leaked).toBe(true);
    expect(shown + held).toBe(`I look. ${leak}`);
    expect(shown).not.toMatch(/[<[]/);
  });

  it.each([
    "Qwen writes `<tool_call>` before a call.",
    "It is:\n```\n<tool_call>\n{}\n```\nThat is all.",
    "a < b and c[0] and <tool",
  ])("lets %j pass", (text) => {
    const { shown, leaked, held } = pass([...text]);
    expect({ leaked, text: shown + held }).toEqual({ leaked: false, text });
  });
});
