import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { type ScriptedModel, startScriptedModel } from "../src/index.ts";
import { ask, post, requestOf, TOOLS } from "./ask.ts";

let model: ScriptedModel;
beforeAll(async () => {
  model = await startScriptedModel({ scripts: { mine: { text: "hello there" } } });
});
beforeEach(() => model.reset());
afterAll(() => model.close());

test("tokens arrive in order, then the finish reason, the usage with timings, and [DONE]", async () => {
  const { content, chunks, text } = await ask(model, { tokens: 5, interval_ms: 2 });
  expect(content).toBe("w0 w1 w2 w3 w4");
  expect(chunks[0]?.choices?.[0]?.delta).toEqual({ role: "assistant", content: null });
  expect(chunks.at(-2)?.choices?.[0]).toMatchObject({ finish_reason: "stop", delta: {} });
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 5 }, timings: { predicted_n: 5 } });
  expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
  expect(model.violations()).toEqual([]);
});

test("tokens keep their pace", async () => {
  const started = performance.now();
  await ask(model, { tokens: 50, interval_ms: 4 });
  expect(performance.now() - started).toBeGreaterThanOrEqual(190);
});

test("usage is not sent unless the request asks for it", async () => {
  const { chunks } = await ask(model, { tokens: 1 }, { stream_options: undefined });
  expect(chunks.some((chunk) => chunk.usage)).toBe(false);
});

test("a token can contain the attempt that it belongs to", async () => {
  const script = { key: "k", tokens: 2, mark: "attempt" } as const;
  expect((await ask(model, script)).content).toBe("1:0 1:1");
  expect((await ask(model, script)).content).toBe("2:0 2:1");
  expect((await ask(model, { ...script, key: "other" })).content).toBe("1:0 1:1");
});

test("a text is sent unchanged, and deltas can contain several tokens", async () => {
  const text = "  zwei Wörter,\n\n🚀 und Leerraum \n";
  expect((await ask(model, { text })).content).toBe(text);
  const { content, chunks } = await ask(model, { tokens: 10, tokens_per_delta: 4, huge_delta: 100_000 });
  expect(content).toBe(`${"h".repeat(100_000)}w0 w1 w2 w3 w4 w5 w6 w7 w8 w9`);
  expect(chunks).toHaveLength(1 + 1 + 3 + 2);
});

test("tools are called up to tool_depth, unless the request forbids calls", async () => {
  const script = {
    tool_depth: 1,
    tool: { name: "list_dir", arguments: { path: "." } },
    tools_per_step: 2,
    text: "done",
  };
  const first = await ask(model, script, { tools: TOOLS });
  expect(first.chunks.filter((chunk) => chunk.choices?.[0]?.finish_reason === "tool_calls")).toHaveLength(1);
  const calls = first.chunks.flatMap((chunk) => (chunk.choices?.[0]?.delta.tool_calls as Call[] | undefined) ?? []);
  expect(calls.filter((call) => call.id).map((call) => call.function.name)).toEqual(["list_dir", "list_dir"]);
  const joined = calls.filter((call) => call.index === 1).map((call) => call.function.arguments);
  expect(joined.join("")).toBe('{"path":"."}');

  expect((await ask(model, script, { tools: TOOLS, tool_choice: "none" })).content).toBe("done");
  const stubborn = await ask(model, { ...script, ignore_tool_choice: true }, { tools: TOOLS, tool_choice: "none" });
  expect(stubborn.content).toBe("");
});

interface Call {
  index?: number;
  id?: string;
  function: { name?: string; arguments?: string };
}

test("the step is the number of earlier messages with tool calls", async () => {
  const [question] = (requestOf({ tool_depth: 1, text: "done" }) as { messages: object[] }).messages;
  const messages = [
    question,
    {
      role: "assistant",
      content: "",
      tool_calls: [{ id: "a", type: "function", function: { name: "x", arguments: "{}" } }],
    },
    { role: "tool", tool_call_id: "a", content: "found" },
  ];
  expect((await ask(model, {}, { messages, tools: TOOLS })).content).toBe("done");
  expect(model.requests()[0]).toMatchObject({ step: 1, attempt: 1, answeredBy: "directive" });
});

test("malformed arguments are sent unchanged", async () => {
  const { text } = await ask(model, { tool_depth: 1, tool: { name: "nope", arguments: '{"a":' } }, { tools: TOOLS });
  expect(text).toContain('"arguments":"{\\"a"');
});

test("quirks change the format but not the text", async () => {
  const quirks = { crlf: true, nulls: true, no_done: true, reasoning: "reasoning", loading_chatter: true } as const;
  const { text, content, chunks } = await ask(model, { text: "a b", reasoning_tokens: 2, quirks, usage: "each" });
  expect(content).toBe("a b");
  expect(text).toContain("\r\n\r\n");
  expect(text).not.toContain("[DONE]");
  expect(chunks.map((chunk) => chunk.choices?.[0]?.delta.reasoning ?? "").join("")).toBe("r0 r1");
  expect(chunks.filter((chunk) => chunk.id === undefined).length).toBeGreaterThan(0);
  expect(chunks.at(-1)?.usage).toMatchObject({ completion_tokens: 4 });
});

test("quirks can remove the ids and indexes of tool calls", async () => {
  const quirks = { ids: "missing", index: "zero", whole_arguments: true } as const;
  const { text } = await ask(model, { tool_depth: 1, tools_per_step: 2, quirks }, { tools: TOOLS });
  const call = '{"tool_calls":[{"index":0,"type":"function","function":{"name":"list_dir","arguments":"{}"}}]}';
  expect(text.split(call)).toHaveLength(3);
});

test("reasoning can be sent inside the text", async () => {
  const { content } = await ask(model, { text: "a", reasoning_tokens: 2, quirks: { reasoning: "think" } });
  expect(content).toBe("<think>\nr0 r1\n</think>\n\na");
});

test("without streaming the answer is one JSON object", async () => {
  const response = await post(model, { model: "mine", messages: [{ role: "user", content: "u" }] });
  expect(await response.json()).toMatchObject({
    object: "chat.completion",
    choices: [{ finish_reason: "stop", message: { role: "assistant", content: "hello there" } }],
    usage: { completion_tokens: 2 },
  });
});

test("a request for a title is not answered by the directive, unless the directive scripts the title", async () => {
  const titled = (script: object) => ({
    model: "investigator",
    messages: [
      { role: "system", content: "Write a title of at most six words." },
      { role: "user", content: `where are sessions kept? [[script ${JSON.stringify(script)}]]` },
    ],
  });
  const plain = await (await post(model, titled({ stall: "headers" }))).json();
  expect(plain).toMatchObject({ choices: [{ message: { content: "Where are sessions kept" } }] });
  expect((await post(model, titled({ title: { status: 503 } }))).status).toBe(503);
});

test("models, props and health are served, and unknown models and paths are rejected", async () => {
  const get = async (path: string) => (await fetch(model.url + path)).json();
  expect(await get("/v1/models")).toMatchObject({
    data: expect.arrayContaining([expect.objectContaining({ id: "mine" })]),
  });
  const window = { default_generation_settings: { n_ctx: 131_072 } };
  expect(await get("/props")).toMatchObject(window);
  expect(await get("/upstream/org%2Fname/props")).toMatchObject({ ...window, model_alias: "org/name" });
  expect(await get("/health")).toEqual({ status: "ok" });
  expect((await post(model, { model: "gpt", messages: [{ role: "user", content: "u" }] })).status).toBe(404);
  expect((await fetch(`${model.url}/nope`)).status).toBe(404);
});

test("an invalid directive or body is answered with 400", async () => {
  const wrong = await post(model, requestOf({ tokenz: 3 } as object));
  expect(wrong.status).toBe(400);
  expect(await wrong.text()).toContain("tokenz");
  const noJson = await fetch(`${model.url}/v1/chat/completions`, { method: "POST", body: "{" });
  expect(noJson.status).toBe(400);
  expect(model.requests()).toEqual([]);
});

test("violations are recorded, including those of requests that cannot be answered", async () => {
  const own = await startScriptedModel();
  onTestFinished(() => own.close());
  const user = { role: "user", content: 'x [[script {"tokens":1}]]' };
  await (await post(own, { model: "words", messages: [user, user] })).text();
  await (await post(own, { model: "words", messages: [] })).text();
  own.reset();
  expect(own.violations()).toEqual([
    { request: 1, model: "words", rule: "messages[1]: two user messages in a row" },
    { request: 0, model: "", rule: "messages is empty" },
  ]);
  expect(await (await fetch(`${own.url}/__violations`)).json()).toHaveLength(2);
});

test("the server's quirks apply to every answer unless the script overrides them", async () => {
  const own = await startScriptedModel({ quirks: { no_done: true, no_stream_options: true, single_tool_calls: true } });
  onTestFinished(() => own.close());
  const refused = await post(own, requestOf({ tokens: 1 }));
  expect(refused.status).toBe(422);
  expect(await refused.text()).toContain("stream_options");
  const plain = { model: "investigator", stream: true, messages: [{ role: "user", content: "What is this?" }] };
  expect(await (await post(own, plain)).text()).not.toContain("[DONE]");
  const script = { tokens: 1, quirks: { no_done: false, no_stream_options: false } };
  expect((await ask(own, script)).text).toContain("[DONE]");
  const props = (await (await fetch(`${own.url}/props`)).json()) as { chat_template_caps: object };
  expect(props.chat_template_caps).toMatchObject({ supports_parallel_tool_calls: false });
});

test("300 streams at 100 tokens a second keep their pace", async () => {
  const started = performance.now();
  const before = process.cpuUsage();
  const answers = await Promise.all(
    Array.from({ length: 300 }, (_, index) => ask(model, { key: `k${index}`, tokens: 100, interval_ms: 10 })),
  );
  const { user, system } = process.cpuUsage(before);
  const whole = Array.from({ length: 100 }, (_, index) => `w${index}`).join(" ");
  expect(answers.every(({ content }) => content === whole)).toBe(true);
  // CPU time shows what the streams cost, about 3 s; elapsed time also depends on what else runs on the machine.
  expect((user + system) / 1000).toBeLessThan(8_000);
  expect(performance.now() - started).toBeLessThan(45_000);
}, 60_000);
