import { expect, test } from "vitest";
import { checkHeaders, checkRequest } from "./check-request.ts";

const call = (id: string, args = "{}") => ({ id, type: "function", function: { name: "grep", arguments: args } });
const system = { role: "system", content: "s" };
const user = { role: "user", content: "u" };
const asks = (...calls: unknown[]) => ({ role: "assistant", content: "", tool_calls: calls });
const told = (id: string) => ({ role: "tool", tool_call_id: id, content: "found" });
const says = { role: "assistant", content: "a" };
const check = (messages: unknown[], rest: object = {}) => checkRequest({ model: "m", messages, ...rest });

test("a sound conversation has no violations", () => {
  const parameters = { type: "object", properties: { pattern: { type: "string" } }, required: ["pattern"] };
  const tools = [{ type: "function", function: { name: "grep", description: "d", parameters } }];
  const messages = [system, user, asks(call("a"), call("b")), told("a"), told("b"), says, user];
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
  ["a user after a tool", [user, asks(call("a")), told("a"), user], /after a tool/],
  ["an empty list of calls", [user, { ...says, tool_calls: [] }, user], /tool_calls is empty/],
  ["an empty assistant", [user, { role: "assistant", content: "" }, user], /says nothing/],
  ["an empty tool answer", [user, asks(call("a")), { ...told("a"), content: "" }], /content is empty/],
  ["an unanswered call", [user, asks(call("a"), call("b")), told("a"), says, user], /not answered/],
  ["unanswered calls at the end", [user, asks(call("a"), call("b")), told("a")], /at the end/],
  ["answers out of order", [user, asks(call("a"), call("b")), told("b"), told("a")], /out of order/],
  ["an answer to nothing", [user, asks(call("a")), told("a"), told("x")], /no call/],
  ["arguments that are no JSON", [user, asks(call("a", "{oops")), told("a")], /JSON object/],
  ["arguments that are no object", [user, asks(call("a", "[]")), told("a")], /JSON object/],
  ["an id used twice", [user, asks(call("a")), told("a"), says, user, asks(call("a")), told("a")], /used twice/],
  ["an id that is too long", [user, asks(call("a".repeat(41))), told("a".repeat(41))], /tool call id/],
  ["a lone surrogate", [{ role: "user", content: "\ud83d" }], /surrogate/],
  ["an explicit null", [{ role: "user", content: "u", name: null }], /null: name/],
  ["reasoning sent back", [user, { ...says, reasoning_content: "r" }, user], /unknown reasoning_content/],
])("%s is a violation", (_, messages, violation) => {
  expect(check(messages).join("\n")).toMatch(violation);
});

test("tools are never an empty list and never left out beside a tool_choice", () => {
  expect(check([user], { tools: [] })).toEqual(["tools is an empty list"]);
  expect(check([user], { tool_choice: "none" })).toEqual(["tool_choice without tools"]);
});

test("a well-formed emoji is no lone surrogate", () => {
  expect(check([{ role: "user", content: "🚀" }])).toEqual([]);
});

test("headers that change the answers of real servers are violations", () => {
  expect(checkHeaders({ "content-type": "application/json", accept: "*/*" })).toEqual([]);
  expect(checkHeaders({ accept: "text/html", "x-conversation-id": "1" })).toHaveLength(3);
});
