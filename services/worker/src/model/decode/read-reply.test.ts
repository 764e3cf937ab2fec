import { MAX_REPLY_CALLS } from "@boocode/contracts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { joinPieces } from "../../../test/model/join-pieces.ts";
import { createReplyReader, type Outcome } from "./read-reply.ts";

const encoder = new TextEncoder();

function read(parts: Uint8Array[]) {
  let ids = 0;
  const reader = createReplyReader(["noop"], () => `new${++ids}`);
  const pieces = parts.flatMap((part) => reader.push(part));
  const last = reader.end();
  return { ...joinPieces([...pieces, ...last.pieces]), outcome: last.outcome };
}

const readText = (body: string) => read([encoder.encode(body)]);
const frame = (value: unknown) => `data: ${typeof value === "string" ? value : JSON.stringify(value)}\n\n`;
const delta = (said: unknown, finish_reason: unknown = null, more: object = {}) =>
  frame({ id: "c", object: "chat.completion.chunk", choices: [{ index: 0, delta: said, finish_reason }], ...more });
const DONE = frame("[DONE]");
const stream = (...frames: string[]) => readText(frames.join(""));
const replyOf = (outcome: Outcome) => {
  if (outcome.kind !== "reply") throw new Error(`a ${outcome.kind}`);
  return outcome.reply;
};

describe("createReplyReader", () => {
  it.each([
    [{ error: { message: "bang", code: 500 } }],
    [{ error: "bang" }],
    [{ error: { message: "bang" }, choices: [] }],
    [{ error: { message: "bang" }, choices: [{ index: 0, delta: { content: "" }, finish_reason: "error" }] }],
    [{ object: "error", message: "bang", code: 400 }],
    [{ object: "error", message: "bang" }],
    [{ detail: "bang" }],
    [{ detail: [{ loc: ["body"], msg: "bang" }] }],
    [{ message: "bang", type: "server_error", code: 500 }],
    [{ message: "bang" }],
    [{ success: false, message: "bang" }],
    [{ code: 500, msg: "bang" }],
    [{ error_code: 336, error_msg: "bang" }],
    [{ error: true, message: "bang" }],
    [{ errors: [{ message: "bang" }] }],
    [{ base_resp: { status_code: 1002, status_msg: "bang" } }],
    [{ id: "c", choices: [{ index: 0, delta: {}, finish_reason: "error" }] }],
  ])("recognizes %j as an error, alone, before an end marker and after text", (value) => {
    for (const frames of [[frame(value)], [frame(value), DONE], [delta({ content: "a" }), frame(value)]]) {
      expect(stream(...frames).outcome.kind).toBe("error");
    }
  });

  it("does not treat an end marker after an unreadable frame as the end of the answer", () => {
    const broken = `${delta({ content: "a" })}data: Internal Server Error\n\n${DONE}`;
    expect(readText(broken).outcome).toEqual({ kind: "cut", loose: "Internal Server Error" });
  });

  it("finds an error inside a choice", () => {
    const choice = { index: 0, delta: { content: "" }, finish_reason: "error", error: { message: "bang" } };
    expect(stream(frame({ choices: [choice] })).outcome).toEqual({ kind: "error", error: { message: "bang" } });
  });

  it("does not treat an explicit `error: null` as an error", () => {
    expect(stream(delta({ content: "a" }, "stop", { error: null })).outcome.kind).toBe("reply");
  });

  it.each([
    "event: error\ndata: broken\n\n",
    'event: error\ndata: {"message":"bang"}\n\n',
    'error: {"message":"bang"}\n\n',
  ])("recognizes %j as an error", (body) => expect(readText(body + DONE).outcome.kind).toBe("error"));

  it("finds an error that a proxy appended unframed, unless a finish reason came before it", () => {
    const words = `${delta({ content: "a" })}upstream gone\n\n`;
    expect(readText(words).outcome).toEqual({ kind: "cut", loose: "upstream gone" });
    expect(readText(words + DONE).outcome.kind).toBe("reply");
    const loose = '{"src":"llama-swap",\n"error":{"message":"upstream exited"}}';
    const { outcome } = readText(delta({ content: "a" }) + loose);
    expect(outcome).toEqual({ kind: "error", error: { message: "upstream exited" } });
    expect(readText(delta({ content: "a" }, "stop") + loose).outcome.kind).toBe("reply");
  });

  it("finds such an error next to an end marker, other text or an incomplete frame", () => {
    const bang = '{"src":"llama-swap","error":{"message":"bang"}}';
    for (const body of [
      `${bang}\n\n${DONE}`,
      `Bad Gateway\n${bang}`,
      `${delta({ content: "a" })}${bang}\n\n${DONE}`,
      `${delta({ content: "a" })}data: {"id":"c","choi${bang}`,
    ]) {
      expect(readText(body).outcome).toEqual({ kind: "error", error: { message: "bang" } });
    }
  });

  it("reads chunks that no blank lines separate", () => {
    const frames = [delta({ content: "a" }), delta({ content: "b" }, "stop"), DONE].map((one) => one.trimEnd());
    expect(replyOf(readText(frames.join("\n")).outcome)).toMatchObject({ content: "ab", finishReason: "stop" });
  });

  it("reports a cut when a stream ends without a finish reason or an end marker, even if its calls look complete", () => {
    const call = { index: 0, id: "a", function: { name: "f", arguments: "{}" } };
    expect(stream(delta({ tool_calls: [call] })).outcome.kind).toBe("cut");
    // When Ollama crashes, the stream ends after one empty chunk.
    expect(stream(delta({ content: "a" }), delta({ content: "" }, null, { model: "" })).outcome.kind).toBe("cut");
    expect(stream("").outcome).toEqual({ kind: "cut", loose: "" });
    expect(stream(delta({ content: "a" }), "data: Internal Server Error\n\n").outcome).toMatchObject({
      kind: "cut",
      loose: "Internal Server Error",
    });
    expect(stream(delta({ content: "a" }), 'data: {"id":"c","choi').outcome).toEqual({ kind: "cut", loose: "" });
  });

  it("keeps as many calls as are stored, and no facts of any length", () => {
    const long = "n".repeat(10_000);
    const calls = Array.from({ length: MAX_REPLY_CALLS + 9 }, (_, index) => ({
      ...{ index, id: index === 0 ? long : `id${index}` },
      function: { name: long, arguments: "{}" },
    }));
    const reply = replyOf(stream(delta({ tool_calls: calls }, long, { model: long })).outcome);
    expect(reply.toolCalls).toHaveLength(MAX_REPLY_CALLS);
    expect(reply.toolCalls.slice(0, 2).map(({ id, name }) => [id, name.length])).toEqual([
      ["new1", 256],
      ["id1", 256],
    ]);
    expect([reply.model?.length, reply.finishReason?.length]).toEqual([200, 200]);
  });

  it("accepts an end marker in place of a finish reason, but not without any output", () => {
    expect(replyOf(stream(delta({ content: "a" }), DONE).outcome)).toMatchObject({ content: "a", finishReason: null });
    expect(stream(delta({ role: "assistant", content: null }), DONE).outcome.kind).toBe("empty");
    expect(stream(DONE).outcome).toEqual({ kind: "empty", loose: "" });
    expect(stream(delta({}), "data: busy\n\n", DONE).outcome).toEqual({ kind: "empty", loose: "busy" });
  });

  it("keeps reading after a finish reason, which a later null or empty one does not clear", () => {
    const body = stream(
      delta({ content: "a" }, "stop"),
      delta({ content: "b" }, "stop"),
      delta({ role: "", content: null, tool_calls: null }, "", { usage: { prompt_tokens: 3, completion_tokens: 2 } }),
      frame({ id: "c", choices: [], usage: null }),
      DONE,
    );
    expect(replyOf(body.outcome)).toMatchObject({
      content: "ab",
      finishReason: "stop",
      promptTokens: 3,
      completionTokens: 2,
    });
  });

  it("finds the usage in each place where servers put it, and keeps the last one", () => {
    const usage = { prompt_tokens: 7, completion_tokens: 2 };
    const places = [
      delta({}, "stop", { usage }),
      delta({}, "stop") + frame({ id: "c", choices: [], usage }),
      delta({}, "stop") + frame({ id: "c", usage }),
      delta({}, "stop", { x_groq: { usage } }),
      frame({ id: "c", choices: [{ index: 0, delta: {}, finish_reason: "stop", usage }] }),
      delta({ content: "b" }, null, { usage: { prompt_tokens: 7, completion_tokens: 1 } }) +
        delta({}, "stop", { usage }),
    ];
    for (const place of places) {
      const { outcome } = stream(delta({ content: "a" }), place, DONE);
      expect(replyOf(outcome)).toMatchObject({ promptTokens: 7, completionTokens: 2 });
    }
  });

  it("counts the cached part of a prompt when llama.cpp sends timings but no usage", () => {
    const timings = { cache_n: 236, prompt_n: 1, predicted_n: 5 };
    expect(replyOf(stream(delta({ content: "a" }, "stop", { timings })).outcome)).toMatchObject({
      promptTokens: 237,
      completionTokens: 5,
    });
  });

  it("reads reasoning from every field, but only once, and drops a proxy's loading messages", () => {
    const chatter = [{}, { role: "assistant", content: "" }]
      .map((more) => frame({ choices: [{ delta: { ...more, reasoning_content: "llama-swap loading model" } }] }))
      .join("");
    const { reasoning, text } = stream(
      chatter,
      delta({ reasoning_content: "a" }),
      delta({ reasoning: "b", reasoning_details: [{ type: "reasoning.text", text: "b" }] }),
      delta({ reasoning_details: [{ type: "reasoning.text", text: "c" }] }),
      delta({
        content: [
          { type: "thinking", thinking: [{ type: "text", text: "d" }] },
          { type: "text", text: "x" },
        ],
      }),
      delta({ content: "y", reasoning_content: null }, "stop"),
    );
    expect({ reasoning, text }).toEqual({ reasoning: "abcd", text: "xy" });
    const bare = frame({ choices: [{ delta: { reasoning_content: "a", content: "x" } }] });
    expect(stream(bare, DONE)).toMatchObject({ reasoning: "a", text: "x" });
  });

  it("emits an emoji whole that was split inside its escape", () => {
    const first = '{"id":"c","choices":[{"index":0,"delta":{"content":"a\\ud83d"}}]}';
    const second = '{"id":"c","choices":[{"index":0,"delta":{"content":"\\ude80\\u0000b"},"finish_reason":"stop"}]}';
    expect(stream(frame(first), frame(second)).text).toBe("a🚀b");
  });

  it("keeps the unfinished arguments of a model that reached its token limit", () => {
    const call = { index: 0, id: "a", function: { name: "f", arguments: '{"path":"/a' } };
    const { outcome } = stream(delta({ tool_calls: [call] }), delta({}, "length"), DONE);
    expect(replyOf(outcome)).toMatchObject({
      finishReason: "length",
      toolCalls: [{ arguments: { _raw: '{"path":"/a' } }],
    });
  });

  it("reads a whole completion, even one that is printed over several lines", () => {
    const message = {
      role: "assistant",
      content: "hi",
      tool_calls: [{ id: "a", function: { name: "f", arguments: "{}" } }],
    };
    const whole = {
      id: "c",
      object: "chat.completion",
      model: "m",
      choices: [{ index: 0, message, finish_reason: "tool_calls" }],
      usage: { prompt_tokens: 1, completion_tokens: 2 },
    };
    for (const body of [JSON.stringify(whole), JSON.stringify(whole, null, 2)]) {
      expect(replyOf(readText(body).outcome)).toMatchObject({
        content: "hi",
        toolCalls: [{ id: "a", name: "f", arguments: {} }],
        finishReason: "tool_calls",
        model: "m",
        promptTokens: 1,
      });
    }
  });

  it("ignores a completion that follows a stream, and an object that contains no answer", () => {
    const whole = JSON.stringify({ choices: [{ index: 0, message: { content: "b" }, finish_reason: "stop" }] });
    expect(readText(delta({ content: "a" }) + whole)).toMatchObject({ text: "a", outcome: { kind: "cut" } });
    expect(readText('{"ok":true}').outcome).toEqual({ kind: "cut", loose: '{"ok":true}' });
  });

  it("recognizes an HTML page, a line of text and an error body as errors", () => {
    for (const body of [
      "<!doctype html>\n<html></html>",
      "no such model",
      '{"error":"x"}',
      '[{"error":{"code":400}}]',
    ]) {
      expect(readText(body).outcome.kind).toBe("error");
    }
  });

  it("reports an empty reply when tool calls are announced and do not come, unless there is text", () => {
    const thought = delta({ reasoning_content: "I call it." });
    expect(stream(thought, delta({}, "tool_calls"), DONE).outcome.kind).toBe("empty");
    expect(stream(delta({ content: "a" }), delta({}, "tool_calls")).outcome.kind).toBe("reply");
  });

  it("reads tool calls from the text unless the server sent calls of its own", () => {
    const text = '<tool_call>\n{"name":"noop","arguments":{"a":1}}';
    const textCall = delta({ content: `I call.\n${text}` });
    for (const reason of ["stop", "tool_calls", "length"]) {
      const { text: shown, outcome } = stream(textCall, delta({}, reason), DONE);
      expect(shown).toBe("I call.\n");
      const toolCalls = [{ id: "new1", name: "noop", arguments: { a: 1 } }];
      expect(replyOf(outcome)).toMatchObject({ content: shown, toolCalls, callText: text, finishReason: reason });
    }
    const empty = delta({ tool_calls: [{ index: 0, id: "", function: { name: "", arguments: "" } }] });
    expect(replyOf(stream(empty, textCall, delta({}, "stop")).outcome).toolCalls).toHaveLength(1);
    const call = { index: 0, id: "a", function: { name: "noop", arguments: '{"a":1}' } };
    const both = stream(textCall, delta({ tool_calls: [call] }, "tool_calls"));
    expect(replyOf(both.outcome).toolCalls).toEqual([{ id: "a", name: "noop", arguments: { a: 1 } }]);
    expect(both.text).toBe("I call.\n");
    expect(replyOf(both.outcome)).not.toHaveProperty("callText");
    const broken = stream(delta({ content: "<tool_call>{" }), delta({ tool_calls: [call] }, "tool_calls"));
    expect(broken.text).toBe("<tool_call>{");
  });

  it("returns the text of an unparsable call apart from the content, and drops it when the stream is cut", () => {
    const { text, outcome } = stream(delta({ content: 'So.\n<tool_call>{"name": noop}' }, "tool_calls"));
    expect([text, replyOf(outcome)]).toMatchObject([
      "So.\n",
      { content: "So.\n", toolCalls: [], callText: '<tool_call>{"name": noop}' },
    ]);
    expect(stream(delta({ content: '<tool_call>{"name"' }))).toMatchObject({ text: "", outcome: { kind: "cut" } });
  });

  it("finds calls after the reasoning, but not inside it", () => {
    const call = '{"name":"noop","arguments":{}}';
    for (const content of [`<think>hm</think>\n\n${call}`, `hm\n</think>\n${call}`]) {
      const { text, reasoning, outcome } = stream(delta({ content }, "stop"));
      expect([text, reasoning.trim(), replyOf(outcome).toolCalls.length]).toEqual(["", "hm", 1]);
    }
    const inside = stream(delta({ content: `<think>\n<tool_call>${call}</tool_call>\n</think>No.` }, "stop"));
    expect([inside.text, replyOf(inside.outcome).toolCalls]).toEqual(["No.", []]);
  });

  it("does not look for reasoning tags in the text of a server that sends reasoning in its own field", () => {
    for (const content of ["a\n</think>\nb", "<think> opens the thoughts.", "<thinking>a</thinking>b"]) {
      const { text, reasoning } = stream(delta({ reasoning_content: "hm" }), delta({ content }, "stop"));
      expect({ text, reasoning }).toEqual({ text: content, reasoning: "hm" });
    }
  });

  it("reads the same reply from any chunking of the bytes", () => {
    const call = { index: 0, id: "a", type: "function", function: { name: "f", arguments: '{"x":"é"}' } };
    const body = [
      "\ufeff: ping\r\n\r\n",
      delta({ content: "<think>hm 🌊</think>\n\nfáilte" }),
      delta({ reasoning: "日本" }),
      "data: {unparsable}\n\n",
      delta({ tool_calls: [call] }, "tool_calls"),
      frame({ id: "c", choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } }),
      "data: [DONE]",
    ];
    const bytes = encoder.encode(body.join(""));
    const whole = read([bytes]);
    expect(replyOf(whole.outcome)).toMatchObject({ content: "fáilte", reasoning: "hm 🌊日本" });
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 40 }), (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const parts = places.slice(1).map((place, at) => bytes.subarray(places[at], place));
        expect(read(parts)).toEqual(whole);
      }),
    );
  });
});
