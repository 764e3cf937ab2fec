import { expect, test } from "vitest";
import { NO_QUIRKS } from "../script.ts";
import { checkHeaders, checkRequest } from "./check-request.ts";

const call = (id: string, args = "{}") => ({ id, type: "function", function: { name: "grep", arguments: args } });
const system = { role: "system", content: "s" };
const user = { role: "user", content: "u" };
const asks = (...calls: unknown[]) => ({ role: "assistant", content: "", tool_calls: calls });
const result = (id: string) => ({ role: "tool", tool_call_id: id, content: "found" });
const says = { role: "assistant", content: "a" };
const check = (messages: unknown[], rest: object = {}) => checkRequest({ model: "m", messages, ...rest });

test("a valid conversation has no violations", () => {
  const parameters = { type: "object", properties: { pattern: { type: "string" } }, required: ["pattern"] };
  const tools = [{ type: "function", function: { name: "grep", description: "d", parameters } }];
  const messages = [system, user, asks(call("a"), call("b")), result("a"), result("b"), says, user];
  expect(
    check(messages, { tools, tool_choice: "none", stream: true, stream_options: { include_usage: true } }),
  ).toEqual([]);
});

test.each<[string, unknown[], RegExp]>([
  ["no messages", [], /empty/],
  ["a second system message", [system, user, says, system, user], /not the first/],
  ["no user message", [system], /no user/],
  ["an assistant at the end", [user, says], /last message/],
  ["two users in a row", [user, user], /two user/],
  ["two assistants in a row", [user, says, says, user], /two assistant/],
  ["a user after a tool", [user, asks(call("a")), result("a"), user], /after a tool/],
  ["an empty list of calls", [user, { ...says, tool_calls: [] }, user], /tool_calls is empty/],
  ["an empty assistant", [user, { role: "assistant", content: "" }, user], /says nothing/],
  ["an empty tool answer", [user, asks(call("a")), { ...result("a"), content: "" }], /content is empty/],
  ["an unanswered call", [user, asks(call("a"), call("b")), result("a"), says, user], /not answered/],
  ["unanswered calls at the end", [user, asks(call("a"), call("b")), result("a")], /at the end/],
  ["answers out of order", [user, asks(call("a"), call("b")), result("b"), result("a")], /out of order/],
  ["an answer to no call", [user, asks(call("a")), result("a"), result("x")], /no call/],
  ["arguments that are not JSON", [user, asks(call("a", "{oops")), result("a")], /JSON object/],
  ["arguments that are not an object", [user, asks(call("a", "[]")), result("a")], /JSON object/],
  ["an id used twice", [user, asks(call("a")), result("a"), says, user, asks(call("a")), result("a")], /used twice/],
  ["an id that is too long", [user, asks(call("a".repeat(41))), result("a".repeat(41))], /tool call id/],
  ["a lone surrogate", [{ role: "user", content: "\ud83d" }], /surrogate/],
  ["an explicit null", [{ role: "user", content: "u", name: null }], /null: name/],
  ["a lone surrogate inside arguments", [user, asks(call("a", '{"p":"\\ud83d"}')), result("a")], /surrogate/],
  ["a NUL", [{ role: "user", content: "a\u0000b" }], /NUL/],
  ["a NUL inside arguments", [user, asks(call("a", '{"p":"\\u0000"}')), result("a")], /NUL/],
  ["a blank question", [{ role: "user", content: " \n" }], /content is empty/],
  ["a blank answer", [user, { role: "assistant", content: " " }, user], /says nothing/],
  ["an assistant before any user", [system, says, user], /before any user/],
  ["a developer message", [{ role: "developer", content: "d" }, user], /role "developer"/],
  ["parts instead of a text", [{ role: "user", content: [{ type: "text", text: "u" }] }], /not a string/],
  ["a call without its type", [user, asks({ ...call("a"), type: undefined }), result("a")], /type is not function/],
  ["a call with an index", [user, asks({ ...call("a"), index: 0 }), result("a")], /tool call with index/],
  ["a call with a null", [user, asks({ ...call("a"), extra_content: null }), result("a")], /null: extra_content/],
  ["a call answered twice", [user, asks(call("a")), result("a"), result("a")], /no call/],
  ["reasoning sent back", [user, { ...says, reasoning_content: "r" }, user], /unknown reasoning_content/],
])("%s is a violation", (_, messages, violation) => {
  expect(check(messages).join("\n")).toMatch(violation);
});

test("an empty list of tools and a tool_choice without tools are violations", () => {
  expect(check([user], { tools: [] })).toEqual(["tools is an empty list"]);
  expect(check([user], { tool_choice: "none" })).toEqual(["tool_choice without tools"]);
});

test.each<[string, object, RegExp]>([
  ["a tool_choice that is an object", { tool_choice: { type: "function" } }, /tool_choice/],
  ["stream_options without include_usage", { stream: true, stream_options: {} }, /usage/],
  ["a max_tokens of 0", { max_tokens: 0 }, /max_tokens/],
])("%s is a violation", (_, rest, violation) => {
  expect(check([user], rest).join("\n")).toMatch(violation);
});

test.each<[string, object, RegExp]>([
  ["an array without items", { type: "object", properties: { b: { type: "array" } } }, /without items/],
  ["a required name that is not a property", { type: "object", required: ["b"] }, /not there/],
  ["a required name twice", { type: "object", properties: { b: {} }, required: ["b", "b"] }, /twice/],
  ["an unknown type", { type: "text" }, /type "text"/],
  ["a list of types", { type: ["string", "null"] }, /type \["string","null"\]/],
  ["an empty enum", { enum: [] }, /empty enum/],
  ["an empty choice of schemas", { anyOf: [] }, /not a list of schemas/],
  ["a pattern that is not anchored", { type: "string", pattern: "a+" }, /not anchored/],
  ["an invalid pattern", { type: "string", pattern: "^($" }, /not anchored/],
  ["a reference to elsewhere", { $ref: "https://example.org/a" }, /leads nowhere/],
  ["a reference to nothing", { $ref: "#/$defs/gone" }, /leads nowhere/],
  ["a minimum that is text", { type: "number", minimum: "one" }, /not a number/],
])("%s, deep inside a tool's schema, is a violation", (_, inner, violation) => {
  const parameters = { type: "object", properties: { list: { type: "array", items: { anyOf: [inner] } } } };
  const tools = [{ type: "function", function: { name: "grep", description: "d", parameters } }];
  expect(check([user], { tools }).join("\n")).toMatch(violation);
});

test("a schema that all servers accept has no violations", () => {
  const list = { type: "array", items: { $ref: "#/$defs/path" }, minItems: 1 };
  const parameters = {
    ...{ type: "object", properties: { list, any: true }, required: ["list"], additionalProperties: false },
    $defs: { path: { type: "string", pattern: "^[a-z]+$", enum: ["a"] } },
  };
  const tools = [{ type: "function", function: { name: "grep", description: "d", parameters } }];
  expect(check([user], { tools })).toEqual([]);
});

test("reasoning sent to a server that requires it is not a violation", () => {
  const messages = [user, { ...asks(call("a")), reasoning_content: "r" }, result("a")];
  const body = { model: "m", messages };
  expect(checkRequest(body, { ...NO_QUIRKS, replayed_reasoning: "required" })).toEqual([]);
  expect(checkRequest(body, NO_QUIRKS)).toHaveLength(1);
});

test("a well-formed emoji is not a lone surrogate", () => {
  expect(check([{ role: "user", content: "🚀" }])).toEqual([]);
});

test("headers that change the answers of real servers are violations", () => {
  expect(checkHeaders({ "content-type": "application/json", accept: "*/*" })).toEqual([]);
  expect(checkHeaders({ accept: "text/html", "x-conversation-id": "1" })).toHaveLength(3);
});
