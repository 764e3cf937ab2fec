import { expect, test } from "vitest";
import type { ChatMessage, OfferedTool } from "../chat-request.ts";
import { type Move, nextMove } from "./next-move.ts";

const tool = (name: string, ...keys: string[]): OfferedTool => ({
  name,
  parameters: { properties: Object.fromEntries(keys.map((key) => [key, {}])) },
});
const TOOLS = [
  tool("view_file", "path", "start_line", "end_line"),
  tool("list_dir", "path"),
  tool("grep", "pattern", "glob", "case_sensitive", "max_results"),
  tool("find_files", "glob"),
];
const ask = (content: string): ChatMessage => ({ role: "user", content });

/** Plays a turn to its end; `answers` returns the output of each call. */
function play(
  messages: ChatMessage[],
  answers: (name: string, input: Record<string, unknown>) => string,
  tools = TOOLS,
) {
  const called: string[][] = [];
  for (let step = 0; step < 10; step += 1) {
    const move: Move = nextMove(messages, tools);
    if ("text" in move) return { text: move.text, called, messages };
    called.push(move.toolCalls.map((call) => call.name));
    const calls = move.toolCalls.map(({ name, input }, index) => ({
      id: `${messages.length}-${index}`,
      function: { name, arguments: JSON.stringify(input) },
    }));
    messages = [
      ...messages,
      { role: "assistant", content: "", tool_calls: calls },
      ...move.toolCalls.map(({ name, input }, index) => ({
        role: "tool",
        tool_call_id: calls[index]!.id,
        content: answers(name, input),
      })),
    ];
  }
  throw new Error("the investigation does not come to an end");
}

const project = (name: string, input: Record<string, unknown>) => {
  if (name === "grep") return "lib/query.js:2: function parseQuery (url) {\nlib/app.js:9:   parseQuery(url)";
  if (name === "find_files") return "no files in the project match";
  if (name === "list_dir") return ". (2 entries)\nREADME.md (9 bytes)\nlib/";
  if (input.path === "README.md") return "README.md (lines 1-1 of 1)\n     1\t# Tiny framework";
  if (input.path === "lib/query.js")
    return "     1\t/** Takes a URL apart. */\n     2\tfunction parseQuery (url) {\n     3\t  return url\n     4\t}\n     5\tlater()";
  return "     9\t  parseQuery(url)";
};

test("it searches in parallel, views the best files, and quotes them with line numbers", () => {
  const { text, called } = play([ask("How does parseQuery work?")], project);
  expect(called).toEqual([
    ["grep", "grep", "find_files"],
    ["view_file", "view_file"],
  ]);
  expect(text).toContain("No language model");
  expect(text).toContain("`lib/query.js:2`");
  expect(text).toContain("/** Takes a URL apart. */\nfunction parseQuery (url) {\n  return url\n}\n```");
  expect(text).toContain("`lib/app.js:9`");
});

test("without matches it views the README, and the answer says so", () => {
  const { text, called } = play([ask("How does zzyzx work?")], (name, input) =>
    name === "grep" ? "no matches in the project" : project(name, input),
  );
  expect(called.at(-2)).toContain("list_dir");
  expect(called.at(-1)).toEqual(["view_file"]);
  expect(text).toContain("found nothing");
  expect(text).toContain("# Tiny framework");
});

test("a question without search terms starts at the README", () => {
  const { text, called } = play([ask("What is this?")], project);
  expect(called).toEqual([["list_dir"], ["view_file"]]);
  expect(text).toContain("`README.md:1`");
});

test("the answer reports failed tools, and the turn still ends", () => {
  const { text } = play([ask("How does parseQuery work?")], () => "error: the disk is on fire");
  expect(text).toContain("error: the disk is on fire");
  expect(text).toContain("No language model");
});

test("files that cannot be viewed are quoted from the search results", () => {
  const { text } = play([ask("How does parseQuery work?")], (name, input) =>
    name === "view_file" ? "error: no such file" : project(name, input),
  );
  expect(text).toContain("`lib/query.js:2`");
  expect(text).toContain("function parseQuery (url) {");
});

test("only offered tools and parameters are used", () => {
  const move = nextMove([ask("How does parseQuery work?")], [tool("grep", "pattern")]);
  if (!("toolCalls" in move)) throw new Error("expected calls");
  expect(move.toolCalls.map((call) => Object.keys(call.input))).toEqual([["pattern"], ["pattern"]]);
});

test("without tools it answers from the results that it has", () => {
  const first = nextMove([ask("How does parseQuery work?")], []);
  expect(first).toEqual({ text: expect.stringContaining("No language model") });
  const { messages } = play([ask("How does parseQuery work?")], project);
  const afterSearch = nextMove(messages.slice(0, 5), []);
  expect(afterSearch).toEqual({ text: expect.stringContaining("`lib/query.js:2`") });
});

test("a follow-up uses the terms of the previous question, and a greeting does not", () => {
  const before = [ask("How does parseQuery work?"), { role: "assistant", content: "It is in lib/query.js." }];
  const follow = nextMove([...before, ask("And who calls it?")], TOOLS);
  expect(JSON.stringify(follow)).toContain("parseQuery");
  expect(JSON.stringify(nextMove([...before, ask("hello")], TOOLS))).not.toContain("parseQuery");
});

test("results of an earlier turn are not used", () => {
  const { messages, text } = play([ask("How does parseQuery work?")], project);
  const next = nextMove([...messages, { role: "assistant", content: text }, ask("Where is sendFile?")], TOOLS);
  expect(JSON.stringify(next)).toContain("sendFile");
  expect("toolCalls" in next).toBe(true);
});
