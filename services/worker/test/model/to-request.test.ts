import { NO_TRAITS } from "@boocode/model-servers";
import type { ToolOffer } from "@boocode/project-tools/ports";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toRequest } from "../../src/model/encode/to-request.ts";
import type { ConversationMessage } from "../../src/turn/ports.ts";
import { checkRequest } from "./check-request.ts";

const text = fc.oneof(
  fc.constantFrom("", " ", "\n", "Why?", "a\u0000b", "half \ud83d", "\ude80 half", "🌊"),
  fc.string({ unit: "binary" }),
);
const id = fc.oneof(
  fc.constantFrom("", "a", "b", "call_1", "functions.read:0", "x".repeat(60), "ABCDEFGHI"),
  fc.string({ maxLength: 12 }),
);
const name = fc.oneof(fc.constantFrom("view_file", "grep", "", "bad name", "x".repeat(90)), text);
const call = fc.record({
  id,
  name,
  arguments: fc.oneof(
    fc.constant({ _raw: '{"path":' }),
    fc.dictionary(text, fc.oneof(text, fc.integer(), fc.boolean(), fc.array(text))),
  ),
});
const message: fc.Arbitrary<ConversationMessage> = fc.oneof(
  fc.record({ role: fc.constant("user" as const), content: text }),
  fc.record({ role: fc.constant("assistant" as const), content: text, toolCalls: fc.array(call, { maxLength: 3 }) }),
  fc.record({ role: fc.constant("tool" as const), toolCallId: id, name, content: text }),
);
const schema = fc.constantFrom<Record<string, unknown>>(
  {},
  { type: "object", properties: { path: { type: "string", pattern: "a+" } }, required: ["path", "gone", "path"] },
  { $schema: "x", type: "object", properties: { list: { type: "array" }, type: { type: "string" } } },
  { type: "object", properties: { a: { $ref: "https://example.org/a" }, b: { anyOf: [{ type: "array" }] } } },
);
const tool: fc.Arbitrary<ToolOffer> = fc.record({
  name,
  description: fc.oneof(text, fc.constant("d".repeat(3000))),
  purpose: text,
  parameters: schema,
});

describe("toRequest", () => {
  it("builds a request that the strictest server accepts, for any history", () => {
    fc.assert(
      fc.property(
        fc.record({
          model: fc.constant(null),
          system: text,
          messages: fc.array(message, { maxLength: 12 }),
          tools: fc.array(tool, { maxLength: 4 }),
          toolChoice: fc.constantFrom("auto" as const, "none" as const),
          maxTokens: fc.constant(1_000),
        }),
        fc.constantFrom("qwen3", "Devstral-Small"),
        fc.record({
          replay_reasoning: fc.constant(false),
          no_stream_options: fc.boolean(),
          single_tool_calls: fc.boolean(),
          max_completion_tokens: fc.boolean(),
          no_max_tokens: fc.boolean(),
          no_tools: fc.boolean(),
        }),
        (request, model, traits) => {
          const body = toRequest(request, model, traits);
          expect(checkRequest(body)).toEqual([]);
          const calls = callsOf(body);
          if (traits.single_tool_calls) expect(calls.every((group) => group.length === 1)).toBe(true);
          if (model.startsWith("Dev")) {
            for (const { id: wireId } of calls.flat()) expect(wireId).toMatch(/^[A-Za-z0-9]{9}$/);
          }
          expect(toRequest(request, model, traits)).toEqual(body);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("loses no word of a user", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), (messages) => {
        const wire = JSON.stringify(build(messages).messages);
        for (const { role, content } of messages) {
          if (role !== "user" || content.trim() === "") continue;
          const sent = JSON.stringify(content.replaceAll("\u0000", "").toWellFormed()).slice(1, -1);
          if (sent.trim() !== "") expect(wire).toContain(sent);
        }
      }),
    );
  });

  it("answers an interrupted call, and keeps the results in the order of the calls", () => {
    const body = build([
      { role: "user", content: "look" },
      {
        role: "assistant",
        content: "",
        toolCalls: ["callaaaaa", "callbbbbb", "callccccc"].map((id) => ({ id, name: "grep", arguments: {} })),
      },
      { role: "tool", toolCallId: "callccccc", name: "grep", content: "third" },
      { role: "tool", toolCallId: "callaaaaa", name: "grep", content: "" },
      { role: "user", content: "stop" },
    ]);
    expect(body.messages.slice(2)).toEqual([
      { role: "tool", tool_call_id: "callaaaaa", content: "(no output)" },
      { role: "tool", tool_call_id: "callbbbbb", content: "(no result: the call was interrupted)" },
      { role: "tool", tool_call_id: "callccccc", content: "third" },
      { role: "assistant", content: "(interrupted)" },
      { role: "user", content: "stop" },
    ]);
  });

  it("replays invalid arguments as JSON", () => {
    const broken = { id: "a", name: "grep", arguments: { _raw: '{"x":' } };
    const body = build([
      { role: "user", content: "look" },
      { role: "assistant", content: "", toolCalls: [broken] },
    ]);
    expect(callsOf(body)[0]?.[0]).toMatchObject({ function: { arguments: '{"_raw":"{\\"x\\":"}' } });
  });

  it("sends a thought signature back, and no other unknown key", () => {
    const extra = { extra_content: { google: { thought_signature: "s" } }, provider_fields: 1 };
    const body = build([
      { role: "user", content: "look" },
      { role: "assistant", content: "", toolCalls: [{ id: "a", name: "grep", arguments: {}, extra }] },
    ]);
    expect(callsOf(body)[0]?.[0]).toMatchObject({ extra_content: { google: { thought_signature: "s" } } });
    expect(JSON.stringify(body)).not.toContain("provider_fields");
  });
});

function build(messages: ConversationMessage[]) {
  const request = { model: null, system: "", messages, tools: [], toolChoice: "auto" as const, maxTokens: 1_000 };
  return toRequest(request, "m", NO_TRAITS) as { messages: unknown[] };
}

function callsOf(body: Record<string, unknown>): { id: string }[][] {
  const messages = body.messages as { tool_calls?: { id: string }[] }[];
  return messages.flatMap((message) => (message.tool_calls ? [message.tool_calls] : []));
}
