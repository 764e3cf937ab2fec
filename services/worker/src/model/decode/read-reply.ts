import { cutText, jsonBytes, MAX_REPLY_BYTES, MAX_REPLY_CALLS } from "@boocode/contracts";
import { estimateTokens } from "../../turn/estimate-tokens.ts";
import type { CallUsage, Reply } from "../../turn/ports.ts";
import { asObject, count, type JsonObject, parseJson } from "../json-value.ts";
import { createToolCallAssembler } from "./assemble-tool-calls.ts";
import { type Chunk, type ChunkFacts, decodeEvent, decodeLoose, type ToolCallDelta } from "./decode-chunk.ts";
import { createReplyText } from "./reply-text.ts";
import { createSseReader, type SseEvent } from "./sse.ts";
import type { FilteredEnd } from "./text-calls/call-filter.ts";
import type { Piece } from "./thoughts/piece.ts";

/** How a reply ended. Only the tool calls of a `reply` may be run. */
export type Outcome =
  | { kind: "reply"; reply: Reply; timings: JsonObject | null }
  | { kind: "error"; error: unknown }
  /** No finish reason and no end marker, although the body may have ended cleanly. `loose`: the text outside events. */
  | { kind: "cut"; loose: string }
  /** No answer: only the end marker came, or a finish reason that announces tool calls without any call. */
  | { kind: "empty"; loose: string };

export interface ReplyReader {
  push(bytes: Uint8Array): Piece[];
  /** To be called when the body has ended in any way. Returns what was held back, and the outcome. */
  end(): { pieces: Piece[]; outcome: Outcome };
  /** `finished`: the reply is complete, but usage may follow. `over`: nothing more needs to be read. */
  state(): "open" | "finished" | "over";
  /** Grows with every chunk other than keep-alives and a proxy's loading messages. */
  progress(): number;
  /** Only a proxy's loading messages have been received so far. */
  loading(): boolean;
  /** A proxy has reported that it is loading the model. */
  hasLoaded(): boolean;
  /** A part of the reply was emitted. */
  visible(): boolean;
  /** The reply is longer than what is stored: it must not be read further. */
  isTooLong(): boolean;
  /** What the request has used so far. */
  usage(): CallUsage;
}

/** Finish reasons of a model that was stopped, so that its last call may be incomplete. */
const CUT_SHORT = new Set(["length", "content_filter", "insufficient_system_resource"]);

const MAX_FACT = 200;

/** Finish reasons that announce tool calls. */
const CALLED = new Set(["tool_calls", "function_call"]);

/**
 * Reads one reply from its bytes, however they are chunked: an event stream, or a whole completion as JSON.
 *
 * @param tools the names of the offered tools; their calls are also recognized in the text
 * @param newId creates an id for a tool call without one
 */
export function createReplyReader(tools: readonly string[], newId: () => string): ReplyReader {
  const sse = createSseReader();
  const replyText = createReplyText(tools);
  const calls = createToolCallAssembler();
  const told: { -readonly [Fact in keyof ChunkFacts]?: ChunkFacts[Fact] } = {};
  let error: unknown;
  let garbage = "";
  /** Everything that the model wrote. */
  let received = "";
  /** Its texts and calls, as JSON. */
  let bytes = 0;
  let done = false;
  let loading = false;
  let loaded = false;
  let progress = 0;
  let text: Pick<FilteredEnd, "calls" | "callText"> = { calls: [], callText: "" };

  function take(event: SseEvent): Piece[] {
    return decodeEvent(event.data).flatMap((chunk) => takeChunk(chunk, event));
  }

  function takeChunk(chunk: Chunk, event: SseEvent): Piece[] {
    if (done || error !== undefined) return [];
    if (chunk.kind === "facts" && event.kind === "data") return note(chunk.facts);
    if (chunk.kind === "done") done = true;
    else if (chunk.kind === "error") error = chunk.error;
    else if (event.kind === "error") error = event.data;
    else garbage = event.data;
    return [];
  }

  function note(facts: ChunkFacts): Piece[] {
    if (facts.loading) {
      loading = progress === 0;
      loaded = true;
      return [];
    }
    loading = false;
    progress += 1;
    for (const delta of facts.toolCalls) calls.add(delta);
    const written = facts.reasoning + facts.text + facts.toolCalls.map(textOfCall).join("");
    received += written;
    bytes += jsonBytes(written + facts.toolCalls.map(({ id, extra }) => (id ?? "") + JSON.stringify(extra)).join(""));
    // Usage may grow with every chunk, and a later chunk may hold null, so the last value that is not null counts.
    told.finishReason = facts.finishReason ?? told.finishReason;
    told.promptTokens = facts.promptTokens ?? told.promptTokens;
    told.completionTokens = facts.completionTokens ?? told.completionTokens;
    told.cachedTokens = facts.cachedTokens ?? told.cachedTokens;
    told.reasoningTokens = facts.reasoningTokens ?? told.reasoningTokens;
    told.timings = facts.timings ?? told.timings;
    told.model = facts.model ?? told.model;
    return replyText.push(facts.reasoning, facts.text);
  }

  /** Text outside events: a whole completion, or an error that a proxy appended to a stream. */
  function takeLoose(): Piece[] {
    const body = sse.loose().trim();
    const chunk = decodeLoose(body);
    const torn = decodeLoose(garbage);
    if (chunk.kind === "error") error = chunk.error;
    else if (torn.kind === "error") error = torn.error;
    else if (chunk.kind === "facts" && progress === 0 && isAnswer(chunk.facts)) {
      done = true;
      return note(chunk.facts);
    } else if (progress === 0 && body !== "" && !body.startsWith("{")) {
      // An HTML page or plain text instead of a reply. JSON that does not parse is not an error but a reply that was cut.
      error = body;
    }
    return [];
  }

  function end(): { pieces: Piece[]; outcome: Outcome } {
    const pieces = sse.end().flatMap(take);
    // An error overrides an end marker, but not a finish reason.
    if (filledReason() === null && error === undefined) pieces.push(...takeLoose());
    const { pieces: rest, ...found } = replyText.end(ending());
    pieces.push(...rest);
    text = found;
    // If the server sent calls of its own, calls in the text are dropped, and unparsable ones are shown as text.
    if (calls.begun && text.calls.length === 0) pieces.push(...replyText.release(text.callText));
    if (calls.begun) text = { calls: [], callText: "" };
    return { pieces, outcome: outcome() };
  }

  function ending(): "whole" | "cut_short" | "broken" {
    if (error !== undefined || !isComplete()) return "broken";
    return isCutShort() ? "cut_short" : "whole";
  }

  function isCutShort(): boolean {
    return CUT_SHORT.has(filledReason() ?? "");
  }

  function isComplete(): boolean {
    // After an unreadable frame, an end marker does not prove that the text is complete.
    return (done && (garbage === "" || !replyText.hasOutput())) || filledReason() !== null;
  }

  function filledReason(): string | null {
    return told.finishReason ?? null;
  }

  function outcome(): Outcome {
    if (error !== undefined) return { kind: "error", error };
    if (!isComplete()) return { kind: "cut", loose: looseWords() };
    if (isEmpty()) return { kind: "empty", loose: looseWords() };
    return { kind: "reply", reply: reply(), timings: told.timings ?? null };
  }

  /** LM Studio drops a tool call that it cannot parse, and still announces tool calls. */
  function isEmpty(): boolean {
    if (calls.begun || text.callText !== "") return false;
    return filledReason() === null
      ? !replyText.hasOutput()
      : CALLED.has(filledReason() ?? "") && replyText.content() === "";
  }

  /** Text that may explain why the stream ended; empty if the text is an incomplete frame. */
  function looseWords(): string {
    const words = sse.loose().trim() || garbage;
    return /^[[{]/.test(words) && parseJson(words) === undefined ? "" : words;
  }

  function counted(): Pick<CallUsage, "promptTokens" | "cachedTokens" | "answerTokens"> {
    const timings = asObject(told.timings);
    const cached = count(timings.cache_n);
    const evaluated = count(timings.prompt_n);
    return {
      // llama.cpp's prompt_n counts only the part of the prompt that was not cached.
      promptTokens: told.promptTokens ?? (cached !== null && evaluated !== null ? cached + evaluated : null),
      cachedTokens: told.cachedTokens ?? cached,
      answerTokens: told.completionTokens ?? count(timings.predicted_n),
    };
  }

  function usage(): CallUsage {
    const { answerTokens, ...others } = counted();
    const { most, least } = estimateTokens(received);
    // Some servers count none in the first chunk, and the whole answer in the last, which a cut reply lacks.
    const isOutdated = answerTokens !== null && answerTokens < least && !isComplete();
    return {
      ...{ model: told.model ?? null, reasoningTokens: told.reasoningTokens ?? null, ...others },
      ...{ answerTokens: isOutdated ? null : answerTokens, answerEstimate: most },
    };
  }

  function reply(): Reply {
    const { promptTokens, answerTokens } = counted();
    const made = calls.begun ? calls.finish(newId, isCutShort()) : text.calls.map((call) => ({ id: newId(), ...call }));
    return {
      content: replyText.content(),
      reasoning: replyText.reasoning(),
      toolCalls: made.slice(0, MAX_REPLY_CALLS),
      ...(text.callText !== "" && { callText: text.callText }),
      finishReason: shortOrNull(filledReason()),
      model: shortOrNull(told.model ?? null),
      promptTokens,
      completionTokens: answerTokens,
      contextSize: null,
    };
  }

  return {
    push: (bytes) => sse.push(bytes).flatMap(take),
    end,
    state: () => (done || error !== undefined ? "over" : isComplete() ? "finished" : "open"),
    progress: () => progress,
    loading: () => loading,
    hasLoaded: () => loaded,
    visible: () => replyText.hasOutput(),
    isTooLong: () => bytes > MAX_REPLY_BYTES,
    usage,
  };
}

/** The name of a model, or a finish reason, as it is stored. */
const shortOrNull = (text: string | null) => (text === null ? null : cutText(text, MAX_FACT));

const textOfCall = ({ name, arguments: text }: ToolCallDelta) =>
  (name ?? "") + (typeof text === "string" ? text : text === null ? "" : JSON.stringify(text));

function isAnswer({ finishReason, text, reasoning, toolCalls }: ChunkFacts): boolean {
  return finishReason !== null || text !== "" || reasoning !== "" || toolCalls.length > 0;
}
