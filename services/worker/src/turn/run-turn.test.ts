import { describe, expect, it } from "vitest";
import { NO_CUT } from "./fit-context.ts";
import { ModelFailure, type ModelRequest, type Reply, type ReplyEvent } from "./ports.ts";
import { runTurn, type TurnDeps, type TurnInput } from "./run-turn.ts";
import type { TurnEvent } from "./turn-event.ts";

const reply: Reply = {
  content: "done",
  reasoning: "",
  toolCalls: [],
  finishReason: "stop",
  model: "m",
  promptTokens: null,
  completionTokens: null,
  contextSize: null,
};
const calls = (reasoning: string): Reply => ({
  ...reply,
  reasoning,
  toolCalls: [{ id: "c1", name: "grep", arguments: { pattern: "x" } }],
});
const overflow = (window: number | null) =>
  new ModelFailure("context_overflow", "too long", { overflow: { window, promptTokens: null } });

type Answer = Reply | Error;

/** Runs a turn against the given answers in order. The last answer repeats. */
async function run(answers: Answer[], more: Partial<TurnInput> = {}, output = "found") {
  const requests: ModelRequest[] = [];
  const deps: TurnDeps = {
    async *streamReply(request): AsyncGenerator<ReplyEvent> {
      const answer = answers[Math.min(requests.length, answers.length - 1)] as Answer;
      requests.push(structuredClone(request));
      if (answer instanceof Error) throw answer;
      yield { type: "reply", reply: answer };
    },
    runTool: async (call) => ({
      output,
      result: { tool_call_id: call.id, name: call.name, truncated: false, error: null },
    }),
    tools: [],
    maxDepth: 5,
    budget: { answerShare: 0.2, answerTokens: 16_384, defaultWindow: 32_768 },
  };
  const input: TurnInput = {
    model: "m",
    system: "",
    earlier: [],
    unread: 0,
    present: { ordinal: 3, messages: [{ role: "user", content: "why?" }] },
    cut: NO_CUT,
    window: 10_000,
    mayRestore: false,
    counted: null,
    step: 0,
    replayReasoning: false,
    ...more,
  };
  const events: TurnEvent[] = [];
  for await (const event of runTurn(deps, input, new AbortController().signal)) events.push(event);
  return { events, requests };
}

const words = (characters: number) => "some output\n".repeat(characters / 12);
const long = {
  ordinal: 1,
  messages: [
    { role: "user" as const, content: "before" },
    { role: "assistant" as const, content: "", toolCalls: [{ id: "c0", name: "grep", arguments: {} }] },
    { role: "tool" as const, toolCallId: "c0", name: "grep", content: words(20_000) },
    { role: "assistant" as const, content: "an answer", toolCalls: [] },
  ],
};
/** The contexts of a turn's model calls, in order. */
const contextsOf = (events: readonly TurnEvent[]) =>
  events.flatMap((event) => {
    if (event.type === "step_started") return [event.context];
    return event.type === "step_finished" ? [event.next] : [];
  });
const size = (request: ModelRequest | undefined) => JSON.stringify(request?.messages).length;

describe("a turn whose conversation is long", () => {
  it("is fitted before each model call, including those between the turn's own steps", async () => {
    const { events, requests } = await run([calls(""), calls(""), reply], { window: 4_000 }, words(9_000));
    expect(requests).toHaveLength(3);
    for (const request of requests) expect(size(request)).toBeLessThan(4_000 * 0.8 * 3.6 + 500);
    const contexts = contextsOf(events);
    expect(contexts.map((context) => context?.outputs_elided)).toEqual([0, 0, 1]);
    expect(requests[2]?.messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "assistant", "tool"]);
  });

  it("is refitted and sent once more when the server refuses it, whether or not the server reports its window", async () => {
    for (const window of [3_000, null]) {
      const { events, requests } = await run([overflow(window), reply], { earlier: [long] });
      expect(requests).toHaveLength(2);
      expect(size(requests[1])).toBeLessThan(size(requests[0]) * 0.75);
      expect(events.map(({ type }) => type)).toEqual(["step_started", "refitted", "answered"]);
    }
  });

  it("fails after a second refusal", async () => {
    const { events, requests } = await run([overflow(null)], { earlier: [long] });
    expect(requests).toHaveLength(2);
    expect(events.at(-1)).toMatchObject({ type: "failed", error: { code: "context_overflow" } });
  });

  it("stays below a refused size in its later steps", async () => {
    const answers = [overflow(null), calls(""), reply];
    const { requests } = await run(answers, { earlier: [long] }, words(18_000));
    expect(requests).toHaveLength(3);
    expect(size(requests[2])).toBeLessThan(size(requests[0]) * 0.8);
  });

  it("is not sent when the question alone does not fit", async () => {
    const present = { ordinal: 3, messages: [{ role: "user" as const, content: "a long question ".repeat(6_000) }] };
    const { events, requests } = await run([reply], { present });
    expect(requests).toEqual([]);
    expect(events.map(({ type }) => type)).toEqual(["step_started", "failed"]);
    expect(events.at(-1)).toMatchObject({ error: { code: "context_overflow" } });
  });

  it("notifies when the server counted far fewer tokens than were sent, and learns no ratio from that count", async () => {
    const cut = { ...reply, promptTokens: 500 };
    const { events } = await run([cut], { earlier: [long], window: 100_000 });
    expect(events.at(-2)).toMatchObject({ type: "refitted", context: { truncated_by_server: true } });
  });

  it("is estimated from the server's count, and only what was added since from its text", async () => {
    const counts = { ...calls(""), promptTokens: 5_000 };
    const { events } = await run([counts, reply], { earlier: [long] }, "12".repeat(500));
    const [first, second] = contextsOf(events);
    const added = (second?.prompt_uncorrected ?? 0) - (first?.prompt_uncorrected ?? 0);
    expect(added).toBeGreaterThan(1_000);
    expect(second?.prompt_estimate).toBe(5_000 + added);
  });
});

describe("a turn whose answer is cut", () => {
  it("is broken off when a part of the answer was visible, and fails otherwise", async () => {
    const failure = (visible: boolean) => new ModelFailure("model_cut", "cut", { visible });
    expect((await run([failure(true)])).events.at(-1)).toMatchObject({ type: "broken_off" });
    expect((await run([failure(false)])).events.at(-1)).toMatchObject({ type: "failed" });
    const reported = (passing: boolean) => new ModelFailure("model_error", "bang", { visible: true, passing });
    expect((await run([reported(true)])).events.at(-1)).toMatchObject({ type: "broken_off" });
    expect((await run([reported(false)])).events.at(-1)).toMatchObject({ type: "failed" });
  });
});

describe("reasoning", () => {
  it("is sent back with the calls that it led to only to servers that require it", async () => {
    const reasoningOf = async (replayReasoning: boolean) => {
      const { requests } = await run([calls("hm"), reply], { replayReasoning });
      return requests[1]?.messages.flatMap((message) => (message.role === "assistant" ? [message.reasoning] : []));
    };
    expect(await reasoningOf(true)).toEqual(["hm"]);
    expect(await reasoningOf(false)).toEqual([undefined]);
  });
});

describe("a reply without words and calls", () => {
  const thought: Reply = { ...reply, content: "\n", reasoning: "hm. " };

  it("is asked for again once, and its thoughts stay in front of the answer's", async () => {
    const { events, requests } = await run([thought, { ...reply, reasoning: "so: " }]);
    expect(requests).toHaveLength(2);
    expect(events.at(-1)).toMatchObject({ type: "answered", reply: { content: "\ndone", reasoning: "hm. so: " } });
  });

  it("fails the turn when it comes twice", async () => {
    const { events, requests } = await run([thought]);
    expect(requests).toHaveLength(2);
    expect(events.at(-1)).toMatchObject({ type: "failed", error: { code: "model_empty" } });
  });

  it("fails the turn at once when the model has used up its answer tokens, and names the setting", async () => {
    const { events, requests } = await run([{ ...thought, finishReason: "length" }]);
    expect(requests).toHaveLength(1);
    const message = expect.stringContaining("MODEL_ANSWER_TOKENS");
    expect(events.at(-1)).toMatchObject({ type: "failed", error: { code: "model_empty", message } });
  });

  it("may have calls instead", async () => {
    const { events } = await run([{ ...calls("hm"), content: "" }, reply]);
    expect(events.map(({ type }) => type)).toContain("tools_called");
  });
});

describe("a tool call that arrives as text", () => {
  const callText = '<tool_call>{"name": "grep"';
  const broken: Reply = { ...reply, content: "I look.\n", reasoning: "hm. ", callText };
  const recovered: Reply = { ...calls(""), content: "", callText: "<tool_call>…" };

  it("runs like any other call", async () => {
    const { events } = await run([recovered, reply]);
    expect(events.map(({ type }) => type)).toContain("step_finished");
    expect(events.at(-1)).toMatchObject({ type: "answered" });
  });

  it("is requested once more when it cannot be parsed, and the text before it becomes reasoning", async () => {
    const { events, requests } = await run([broken, { ...reply, reasoning: "so: " }]);
    expect(requests).toHaveLength(2);
    expect(events.map(({ type }) => type)).toEqual(["step_started", "text_was_reasoning", "answered"]);
    expect(events.at(-1)).toMatchObject({ reply: { content: "done", reasoning: "hm. I look.\nso: " } });
  });

  it("is shown as text when the second reply cannot be parsed either", async () => {
    const { events, requests } = await run([broken]);
    expect(requests).toHaveLength(2);
    expect(events.slice(-2)).toMatchObject([
      { type: "text", text: callText },
      { type: "answered", reply: { content: `I look.\n${callText}`, toolCalls: [] } },
    ]);
  });

  it("is not an answer when tools are forbidden: text is requested once more, and then the turn fails", async () => {
    for (const last of [broken, recovered]) {
      const { events, requests } = await run([...Array(5).fill(calls("")), last]);
      expect(requests.map(({ toolChoice }) => toolChoice)).toEqual([...Array(5).fill("auto"), "none", "none"]);
      expect(events.at(-1)).toMatchObject({ type: "failed", error: { code: "tool_loop" } });
      expect(events.filter(({ type }) => type === "step_finished")).toHaveLength(5);
      const answered = await run([...Array(5).fill(calls("")), last, reply]);
      expect(answered.events.at(-1)).toMatchObject({ type: "answered", reply: { content: "done" } });
    }
  });
});

describe("a reply with many calls", () => {
  it("has the first 32 run, and an error as the result of each other one", async () => {
    const many: Reply = {
      ...reply,
      toolCalls: Array.from({ length: 1_000 }, (_, id) => ({
        id: `c${id}`,
        name: "grep",
        arguments: { pattern: "x" },
      })),
    };
    const { events } = await run([many, reply], { window: 1_000_000 });
    const outcomes = events.flatMap((event) => (event.type === "step_finished" ? event.outcomes : []));
    expect(outcomes.map(({ result }) => result.tool_call_id)).toEqual(many.toolCalls.map(({ id }) => id));
    expect(outcomes.filter(({ result }) => result.error === null)).toHaveLength(32);
    expect(outcomes[32]).toMatchObject({
      output: expect.stringMatching(/^not run/),
      result: { error: expect.anything() },
    });
    expect(events.at(-1)).toMatchObject({ type: "answered" });
  });
});
