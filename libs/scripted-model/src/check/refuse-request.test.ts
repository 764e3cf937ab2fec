import { expect, test } from "vitest";
import { NO_QUIRKS, type ScriptQuirks } from "../script.ts";
import { refuseRequest } from "./refuse-request.ts";

const calls = (...ids: string[]) => ids.map((id) => ({ id, type: "function", function: { name: "grep" } }));
const conversation = (more: object, ...ids: string[]) => ({
  messages: [
    { role: "user", content: "u" },
    { role: "assistant", content: "", tool_calls: calls(...ids), ...more },
    ...ids.map((id) => ({ role: "tool", tool_call_id: id, content: "found" })),
  ],
});
const refusal = (body: object, quirks: ScriptQuirks) => {
  const refused = refuseRequest(body, { ...NO_QUIRKS, ...quirks } as typeof NO_QUIRKS);
  return refused && `${refused.status} ${JSON.stringify(refused.body)}`;
};
const reasoning = { reasoning_content: "r" };

test("a server without quirks accepts everything", () => {
  expect(refusal({ ...conversation(reasoning, "a", "b"), stream_options: {} }, {})).toBeNull();
  expect(refusal({}, {})).toBeNull();
});

test.each<[string, object, object, ScriptQuirks, RegExp]>([
  ["stream_options", { stream_options: {} }, {}, { no_stream_options: true }, /^422 .*stream_options/],
  [
    "calls without reasoning",
    conversation({}, "a"),
    conversation(reasoning, "a"),
    { replayed_reasoning: "required" },
    /^400 .*passed back/,
  ],
  [
    "reasoning",
    conversation(reasoning, "a"),
    conversation({}, "a"),
    { replayed_reasoning: "refused" },
    /^422 .*extra_forbidden/,
  ],
  ["two calls at once", conversation({}, "a", "b"), conversation({}, "a"), { single_tool_calls: true }, /^500 .*Jinja/],
  [
    "other ids",
    conversation({}, "call_1"),
    conversation({}, "abcDEF123"),
    { nine_character_ids: true },
    /^400 .*call_1/,
  ],
])("a server with the quirk rejects %s", (_, refused, taken, quirks, words) => {
  expect(refusal(refused, quirks)).toMatch(words);
  expect(refusal(taken, quirks)).toBeNull();
});
