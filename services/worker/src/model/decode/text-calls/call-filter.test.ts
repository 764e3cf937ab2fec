import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createCallFilter } from "./call-filter.ts";

const TOOLS = ["view_file", "list_dir", "grep", "find_files"];

function pass(parts: readonly string[], ending: "whole" | "cut_short" | "broken" = "whole") {
  const filter = createCallFilter(TOOLS);
  const shown = parts.map((part) => filter.push(part)).join("");
  const end = filter.end(ending);
  return { ...end, shown: shown + end.shown };
}

const grep = { name: "grep", arguments: { pattern: "x" } };
const GREP = JSON.stringify(grep);
const list = { name: "list_dir", arguments: {} };

/** How models write a call of `grep`, by model or format. */
const ONE: Record<string, string> = {
  "Hermes, Qwen": `<tool_call>\n${GREP}\n</tool_call>`,
  "Hermes without its closing tag": `<tool_call>\n${GREP}\n`,
  "Hermes on one line": `<tool_call>${GREP}</tool_call>`,
  "Hermes with a list": `<tool_call>[${GREP}]</tool_call>`,
  "Hermes with two brackets": `<tool_call>\n{${GREP}}\n</tool_call>`,
  "Hermes with a bracket too many": `<tool_call>\n${GREP}}\n</tool_call>`,
  "Hermes with a bracket too few": `<tool_call>\n${GREP.slice(0, -1)}\n</tool_call>`,
  "Hermes with the opening tag again": `<tool_call>\n${GREP}\n<tool_call>`,
  "Hermes with parameters": '<tool_call>{"name": "grep", "parameters": {"pattern": "x"}}</tool_call>',
  "Hermes with encoded arguments": String.raw`<tool_call>{"name": "grep", "arguments": "{\"pattern\": \"x\"}"}</tool_call>`,
  "Hermes as Python": "<tool_call>\n{'name': 'grep', 'arguments': {'pattern': 'x'}}\n</tool_call>",
  "Hermes with a trailing comma": '<tool_call>\n{"name": "grep", "arguments": {"pattern": "x",}}\n</tool_call>',
  "Hermes with OpenAI's nesting": `<tool_call>{"type": "function", "function": ${GREP}}</tool_call>`,
  "Hermes with a prefix": '<tool_call>{"name": "functions.grep", "arguments": {"pattern": "x"}}</tool_call>',
  "Gemma's end of the turn": `<tool_call>\n${GREP}\n</tool_call><end_of_turn>`,
  "GLM's next role": `<tool_call>\n${GREP}\n</tool_call><|observation|>`,
  "the beginning of the next message": `<tool_call>\n${GREP}\n</tool_call><|im_end|>\n<|im_start|>`,
  "Qwen's message end": `<tool_call>\n${GREP}\n</tool_call><|im_end|>`,
  Granite: `<|tool_call|>[${GREP}]`,
  "Phi-4-mini": `<|tool_call|>[${GREP}]<|/tool_call|>`,
  "Jamba, MiniMax M1": `<tool_calls>\n${GREP}\n</tool_calls>`,
  Nemotron: `<TOOLCALL>[${GREP}]</TOOLCALL>`,
  LongCat: `<longcat_tool_call>${GREP}</longcat_tool_call>`,
  function_call: `<function_call>${GREP}</function_call>`,
  "Qwen3-Coder": "<tool_call>\n<function=grep>\n<parameter=pattern>\nx\n</parameter>\n</function>\n</tool_call>",
  "Qwen3-Coder without its wrapper": "<function=grep>\n<parameter=pattern>\nx\n</parameter>\n</function>",
  "Qwen3-Coder without its first tag":
    "<function=grep>\n<parameter=pattern>\nx\n</parameter>\n</function>\n</tool_call>",
  "Qwen3-Coder without the parameter's end": "<function=grep>\n<parameter=pattern>\nx\n</function>\n</tool_call>",
  "Qwen3-Coder without the function's end":
    "<tool_call>\n<function=grep>\n<parameter=pattern>\nx\n</parameter>\n</tool_call>",
  "Seed-OSS": "<seed:tool_call>\n<function=grep>\n<parameter=pattern>x</parameter>\n</function>\n</seed:tool_call>",
  "Llama 3.1": '<function=grep>{"pattern": "x"}</function>',
  "Llama 3.1's tag with JSON": '<|python_tag|>{"name": "grep", "parameters": {"pattern": "x"}}<|eom_id|>',
  "Llama's tag with Python": '<|python_tag|>grep.call(pattern="x")',
  "Llama 4": "<|python_start|>[grep(pattern='x')]<|python_end|>",
  LFM2: '<|tool_call_start|>[grep(pattern="x")]<|tool_call_end|>',
  "Mistral v1": `[TOOL_CALLS] [${GREP}]`,
  "Mistral v3": `[TOOL_CALLS][{"name": "grep", "arguments": {"pattern": "x"}, "id": "abcdefghi"}]</s>`,
  "Mistral v7, with a blank": `[TOOL_CALLS] ${GREP}`,
  "Mistral v11": '[TOOL_CALLS]grep[CALL_ID]abcdefghi[ARGS]{"pattern": "x"}',
  "Mistral v13": '[TOOL_CALLS]grep[ARGS]{"pattern": "x"}',
  "Mistral without the token between": '[TOOL_CALLS]grep{"pattern": "x"}',
  "Mistral without the first token": 'grep[ARGS]{"pattern": "x"}',
  "DeepSeek V3":
    '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>grep\n```json\n{"pattern": "x"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
  "DeepSeek V3.1":
    '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>grep<｜tool▁sep｜>{"pattern": "x"}<｜tool▁call▁end｜><｜tool▁calls▁end｜><｜end▁of▁sentence｜>',
  "DeepSeek in ASCII":
    '<|tool_calls_begin|><|tool_call_begin|>grep<|tool_sep|>{"pattern": "x"}<|tool_call_end|><|tool_calls_end|>',
  "DeepSeek without the outer tokens": '<｜tool▁call▁begin｜>grep<｜tool▁sep｜>{"pattern": "x"}<｜tool▁call▁end｜>',
  "DeepSeek V3.2":
    '<｜DSML｜function_calls>\n<｜DSML｜invoke name="grep">\n<｜DSML｜parameter name="pattern" string="true">x</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>',
  Kimi: '<|tool_calls_section_begin|><|tool_call_begin|>functions.grep:0<|tool_call_argument_begin|>{"pattern": "x"}<|tool_call_end|><|tool_calls_section_end|>',
  "Kimi without the section":
    '<|tool_call_begin|>functions.grep:0<|tool_call_argument_begin|>{"pattern": "x"}<|tool_call_end|>',
  "GLM 4.5": "<tool_call>grep\n<arg_key>pattern</arg_key>\n<arg_value>x</arg_value>\n</tool_call>",
  "GLM 4.7": "<tool_call>grep<arg_key>pattern</arg_key><arg_value>x</arg_value></tool_call>",
  harmony: '<|channel|>commentary to=functions.grep <|constrain|>json<|message|>{"pattern": "x"}<|call|>',
  "harmony with its start": '<|start|>assistant<|channel|>commentary to=functions.grep json<|message|>{"pattern": "x"}',
  "harmony with the recipient first":
    '<|start|>assistant to=functions.grep<|channel|>commentary json<|message|>{"pattern": "x"}<|call|>',
  Anthropic:
    '<function_calls>\n<invoke name="grep">\n<parameter name="pattern">x</parameter>\n</invoke>\n</function_calls>',
  "Anthropic without its wrapper": '<invoke name="grep">\n<parameter name="pattern">x</parameter>\n</invoke>',
  "MiniMax M2":
    '<minimax:tool_call>\n<invoke name="grep">\n<parameter name="pattern">x</parameter>\n</invoke>\n</minimax:tool_call>',
  "Command R":
    '<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "grep", "parameters": {"pattern": "x"}}]<|END_ACTION|>',
  InternLM: `<|action_start|><|plugin|>{"name": "grep", "parameters": {"pattern": "x"}}<|action_end|>`,
  "Gemma 4": '<|tool_call>call:grep{pattern:<|"|>x<|"|>}<tool_call|>',
  FunctionGemma: "<start_function_call>call:grep{pattern:<escape>x<escape>}<end_function_call>",
  "arguments beside the name": '<tool_call>{"name": "grep", "pattern": "x"}</tool_call>',
  "LM Studio": `[TOOL_REQUEST]${GREP}[END_TOOL_REQUEST]`,
  "Gemini's tags": '<tool_code>\ngrep(pattern="x")\n</tool_code>',
  Firefunction: `functools[${GREP}]`,
};

/** Calls that are recognized only as the whole reply. */
const WHOLE: Record<string, string> = {
  "bare JSON": GREP,
  "bare JSON over several lines": JSON.stringify(grep, null, 2),
  "JSON in a fence": `\`\`\`json\n${GREP}\n\`\`\``,
  "JSON in a fence on one line": `\`\`\`json ${GREP} \`\`\``,
  "JSON in a fence without its end": `\`\`\`json\n${GREP}\n`,
  "JSON in a fence of another name": `\`\`\`tool_call\n${GREP}\n\`\`\`\n`,
  "a Python dictionary": "[{'name': 'grep', 'arguments': {'pattern': 'x'}}]",
  "JSON in tildes": `~~~json\n${GREP}\n~~~`,
  "a list": `[${GREP}]`,
  "a list in a fence": `\`\`\`\n[${GREP}]\n\`\`\``,
  "OpenAI's nesting": `{"tool_calls": [{"id": "1", "type": "function", "function": ${GREP}}]}`,
  "other keys": '{"tool": "grep", "args": {"pattern": "x"}}',
  "a function call": 'functions.grep({"pattern": "x"})',
  "a function call in a fence": '```\nfunctions.grep({"pattern": "x"})\n```',
  "a function call without a prefix": 'grep({"pattern": "x"})',
  "Gemini's code": '```tool_code\nprint(default_api.grep(pattern="x"))\n```',
  "a list of function calls": '[grep(pattern="x")]',
};

/** Two calls in one reply. */
const TWO: Record<string, string> = {
  Hermes: `<tool_call>\n${GREP}\n</tool_call>\n<tool_call>\n{"name": "list_dir"}\n</tool_call>`,
  "Hermes in one pair of tags": `<tool_call>\n${GREP}\n{"name": "list_dir", "arguments": {}}\n</tool_call>`,
  "Hermes without closing tags": `<tool_call>\n${GREP}\n<tool_call>\n{"name": "list_dir"}`,
  "Qwen3-Coder":
    "<tool_call>\n<function=grep>\n<parameter=pattern>\nx\n</parameter>\n</function>\n</tool_call>\n<tool_call>\n<function=list_dir>\n</function>\n</tool_call>",
  GLM: "<tool_call>grep\n<arg_key>pattern</arg_key>\n<arg_value>x</arg_value>\n</tool_call>\n<tool_call>list_dir\n</tool_call>",
  "Mistral v3": `[TOOL_CALLS] [${GREP}, {"name": "list_dir", "arguments": {}}]`,
  "Mistral v13": '[TOOL_CALLS]grep[ARGS]{"pattern": "x"}[TOOL_CALLS]list_dir[ARGS]{}',
  "DeepSeek V3.1":
    '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>grep<｜tool▁sep｜>{"pattern": "x"}<｜tool▁call▁end｜><｜tool▁call▁begin｜>list_dir<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
  Kimi: '<|tool_calls_section_begin|><|tool_call_begin|>functions.grep:0<|tool_call_argument_begin|>{"pattern": "x"}<|tool_call_end|><|tool_call_begin|>functions.list_dir:1<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>',
  Llama: '<|python_tag|>{"name": "grep", "parameters": {"pattern": "x"}}; {"name": "list_dir", "parameters": {}}',
  harmony:
    '<|channel|>commentary to=functions.grep <|constrain|>json<|message|>{"pattern": "x"}<|call|><|start|>assistant<|channel|>commentary to=functions.list_dir <|constrain|>json<|message|>{}<|call|>',
  MiniMax:
    '<minimax:tool_call>\n<invoke name="grep">\n<parameter name="pattern">x</parameter>\n</invoke>\n<invoke name="list_dir">\n</invoke>\n</minimax:tool_call>',
  "function calls": '[grep(pattern="x"), list_dir()]',
  "function calls, one a line": 'functions.grep({"pattern": "x"})\nfunctions.list_dir({})',
  "lines of JSON": `${GREP}\n{"name": "list_dir", "arguments": {}}`,
  "two fences": `\`\`\`json\n${GREP}\n\`\`\`\n\`\`\`json\n{"name": "list_dir", "arguments": {}}\n\`\`\``,
};

const entries = (...tables: Record<string, string>[]) => tables.flatMap((table) => Object.entries(table));

/** Yields the text as a whole, in single characters, and split in two at each index. */
function* divisions(text: string): Generator<string[]> {
  yield [text];
  yield [...text];
  for (let place = 1; place < text.length; place++) yield [text.slice(0, place), text.slice(place)];
}

describe("a tool call that arrives as text", () => {
  it.each(entries(ONE, WHOLE))("is read and not shown: %s", (form, text) => {
    const read = { shown: "", calls: [grep], callText: text };
    for (const parts of divisions(text)) expect(pass(parts)).toEqual(read);
    // A call without its end is incomplete if the model was cut short.
    if (!form.includes("without")) expect(pass([...text], "cut_short")).toEqual(read);
  });

  it.each(entries(TWO))("may come with others: %s", (_, text) => {
    for (const parts of divisions(text)) expect(pass(parts)).toMatchObject({ shown: "", calls: [grep, list] });
  });

  it.each(entries(ONE))("may follow words, which are shown: %s", (_, text) => {
    for (const words of ["I look.\n", "I look for `x`:\n\n", "```\ncode\n```\n"]) {
      expect(pass([...words, ...text])).toEqual({ shown: words, calls: [grep], callText: text });
    }
  });

  it.each(entries(ONE, WHOLE))("is plain text when words follow: %s", (_, text) => {
    for (const rest of ["\nThis is what the model writes.", "\n\nIt calls `grep`."]) {
      expect(pass([text + rest])).toEqual({ shown: text + rest, calls: [], callText: "" });
      expect(pass([...text, ...rest])).toEqual({ shown: text + rest, calls: [], callText: "" });
    }
  });

  it.each(entries(ONE, WHOLE))("is neither shown nor run when the stream breaks off: %s", (_, text) => {
    for (let length = 0; length <= text.length; length++) {
      const { shown, calls } = pass([...text.slice(0, length)], "broken");
      expect(calls).toEqual([]);
      expect(text.slice(0, 30)).toContain(shown);
    }
  });

  it.each(entries(ONE, WHOLE))("is plain text if the tool was not offered: %s", (_, text) => {
    const other = text.replaceAll("grep", "weather");
    expect(pass([other])).toEqual({ shown: other, calls: [], callText: "" });
  });

  it("is returned under the offered tool's own name", () => {
    for (const name of ["functions.view_file", "viewFile", "default_api:view_file", "view_file:2"]) {
      const { calls } = pass([`<tool_call>{"name": "${name}", "arguments": {}}</tool_call>`]);
      expect(calls).toEqual([{ name: "view_file", arguments: {} }]);
    }
  });

  it("keeps its arguments unchanged, even with markers and brackets in them", () => {
    const pattern = 'a "</tool_call>" {[ \\d+ é😀';
    const call = { name: "grep", arguments: { pattern } };
    expect(pass([`<tool_call>\n${JSON.stringify(call)}\n</tool_call>`]).calls).toEqual([call]);
    const quoted = '<tool_call>\n{"name": "grep", "arguments": {"pattern": "a"b"}}\n</tool_call>';
    expect(pass([quoted]).calls).toEqual([{ name: "grep", arguments: { pattern: 'a"b' } }]);
    const value = "  if (a < b) {\n    return </x>;\n  }";
    const tagged = `<function=grep>\n<parameter=pattern>\n${value}\n</parameter>\n</function>`;
    expect(pass([tagged]).calls).toEqual([{ name: "grep", arguments: { pattern: value } }]);
    const raw = String.raw`[TOOL_CALLS]grep[ARGS]{"pattern": "\d+\."}`;
    expect(pass([raw]).calls).toEqual([{ name: "grep", arguments: { pattern: String.raw`\d+\.` } }]);
  });
});

describe("a call that cannot be parsed", () => {
  it.each([
    '<tool_call>\n{"name": "grep", "arguments": {"pattern": }}\n</tool_call>',
    '<tool_call>\n{"name": "grep", "arguments": {"pattern": "x',
    '<tool_call>\n{"name": "grep", "argum',
    "<tool_call>\n{not JSON}\n</tool_call>",
    "<function=grep>\n<parameter=pattern",
    "[TOOL_CALLS]grep[ARGS]{pattern}",
    "<tool_call>grep pattern=x</tool_call>",
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>grep<｜tool▁sep｜>pattern<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    "<tool_call>grep\n<arg_key>pattern</arg_key>\n<arg_value>x",
    '{"name": "grep", "arguments": {"pattern": "x',
    '```json\n{"name": "grep", "arguments": {"pattern": x}}\n```',
    'functions.grep({"pattern": "x',
    '<invoke name="grep">\n<parameter name="pattern">x',
  ])("is held back: %j", (text) => {
    for (const ending of ["whole", "cut_short"] as const) {
      if (ending === "whole" && text.startsWith("<invoke")) continue;
      for (const parts of divisions(text))
        expect(pass(parts, ending)).toEqual({ shown: "", calls: [], callText: text });
    }
  });

  it("is not completed when the model was cut short", () => {
    for (const text of ["<function=grep>\n<parameter=pattern>\nfo", `<tool_call>${GREP.slice(0, -1)}`]) {
      expect(pass([text], "cut_short")).toEqual({ shown: "", calls: [], callText: text });
    }
  });
});

/** Answers that mention tool calls but are not calls. */
const ANSWERS = [
  "The chat template emits <tool_call> before the JSON.",
  "Qwen writes `<tool_call>` before a call.",
  "**<tool_call>** is the marker.",
  "| marker | model |\n|---|---|\n| <tool_call> | Qwen |\n| [TOOL_CALLS] | Mistral |",
  '"<tool_call>" is the marker.',
  "# <tool_call>\nThe marker of Qwen.",
  `> <tool_call>\n> ${GREP}\n> </tool_call>`,
  `It emits:\n\n    <tool_call>\n    ${GREP}\n    </tool_call>\n`,
  `- Hermes:\n  <tool_call>${GREP}</tool_call>`,
  `It is:\n\`\`\`\n<tool_call>\n${GREP}\n</tool_call>\n\`\`\`\nThat is all.`,
  `It is:\n\`\`\`xml\n<tool_call>\n${GREP}\n</tool_call>\n\`\`\``,
  `~~~\n<tool_call>\n${GREP}\n</tool_call>\n~~~`,
  `\`\`\`\`md\n\`\`\`\n<tool_call>${GREP}</tool_call>\n\`\`\`\n<tool_call>${GREP}</tool_call>\n\`\`\`\``,
  `A fence without its end:\n\`\`\`xml\n<tool_call>${GREP}</tool_call>`,
  `~~~~\n~~~\n<tool_call>${GREP}</tool_call>`,
  "<tool_call> is what Qwen writes before a call, and </tool_call> behind it.",
  "<tool_call> … </tool_call>",
  "<tool_call>...</tool_call>",
  "The markers are:\n<tool_call>\n[TOOL_CALLS]\n<|python_tag|>",
  "[TOOL_CALLS] is the marker of Mistral.",
  "<function=grep> opens a call of grep.",
  "<|channel|> names the channel.",
  `The model wrote ${GREP}`,
  `I would call\n${GREP}`,
  `Here is a call:\n\`\`\`json\n${GREP}\n\`\`\``,
  `\`\`\`json\n${GREP}\n\`\`\`\nis a call.`,
  '```ts\nconst x = { name: "grep" };\n```',
  '```json\n{"name": "boocode", "version": "1.0.0"}\n```',
  '{"name": "grep", "description": "Searches.", "parameters": {"type": "object", "properties": {}}}',
  '{"name": "grep", "parameters": {"type": "object", "properties": {"pattern": {}}}}',
  '{"name": "grep"}',
  '{"type": "object", "properties": {}}',
  "[a link](https://example.org) to it",
  "[1, 2]",
  "{",
  "```",
  "grep finds it, and functions.grep is its name.",
  "functions.ts holds it.",
  "a < b and c[0] and <tool",
  "\n\n  indented\n",
  "",
];

describe("an answer", () => {
  it.each(ANSWERS)("is text: %j", (text) => {
    const answer = { shown: text, calls: [], callText: "" };
    for (const parts of divisions(text)) expect(pass(parts)).toEqual(answer);
    expect(pass([...text], "cut_short")).toEqual(answer);
  });

  it("is shown as it arrives, except for what may still become a call", () => {
    const filter = createCallFilter(TOOLS);
    expect(filter.push("```ts\nconst a")).toBe("```ts\nconst a");
    expect(createCallFilter(TOOLS).push("The <tool_call> tag")).toBe("The <tool_call> tag");
    expect(createCallFilter(TOOLS).push('{"name": "boocode", ')).toBe('{"name": "boocode", ');
    const rows = `[{"id": 1, "x": [${"1, ".repeat(2_000)}`;
    expect(createCallFilter(TOOLS).push(rows)).toBe(rows);
    expect(createCallFilter(TOOLS).push("Found")).toBe("Found");
  });
});

const FRAGMENTS = [
  ...entries(ONE, WHOLE, TWO).map(([, text]) => text),
  ...[
    "<tool_call>",
    "</tool_call>",
    "<function=grep>",
    "</function>",
    "[TOOL_CALLS]",
    "[ARGS]",
    "grep",
    "{",
    "}",
    '"',
    "\\",
  ],
  ...[
    "\n",
    "\n\n",
    " ",
    "`",
    "```",
    "words",
    "<|channel|>",
    "<｜tool▁call▁begin｜>",
    "<arg_key>",
    "(",
    ")",
    "[",
    "]",
    ",",
  ],
];

describe("whatever the chunks are", () => {
  it("the result is the same, and no text is lost", () => {
    const text = fc.array(fc.constantFrom(...FRAGMENTS), { maxLength: 6 }).map((parts) => parts.join(""));
    const cuts = fc.array(fc.nat(1_000), { maxLength: 8 });
    const mutation = fc.tuple(fc.nat(1_000), fc.nat(20));
    fc.assert(
      fc.property(text, cuts, mutation, fc.boolean(), (given, places, [at, length], cutShort) => {
        const said = given.slice(0, at) + given.slice(at + length);
        const sorted = [0, ...places.map((place) => Math.min(place, said.length)).sort((a, b) => a - b), said.length];
        const parts = sorted.slice(1).map((place, index) => said.slice(sorted[index], place));
        const ending = cutShort ? "cut_short" : "whole";
        const whole = pass([said], ending);
        expect(whole.shown + whole.callText).toBe(said);
        expect(pass(parts, ending)).toEqual(whole);
        expect(pass([...said], ending)).toEqual(whole);
      }),
      { numRuns: 200 },
    );
  });

  it("the cost is linear", () => {
    const many = `<tool_call>\n${GREP}\n</tool_call>\n`;
    for (const unit of [
      many,
      "<tool_call>\n{",
      "<function=grep>\n",
      "[TOOL_CALLS]",
      "```\n",
      " ",
      "\n",
      "[",
      "<tool_call>x\n",
    ]) {
      const text = unit.repeat(Math.ceil(300_000 / unit.length));
      const start = performance.now();
      pass(text.match(/[\s\S]{1,8}/g) ?? []);
      expect(performance.now() - start, unit).toBeLessThan(4_000);
    }
  });
});
