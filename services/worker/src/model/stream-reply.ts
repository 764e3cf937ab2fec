import { randomInt } from "node:crypto";
import { Agent, type Dispatcher } from "undici";
import { ModelFailure, type ModelRequest, type ReplyEvent, type StreamReply } from "../turn/ports.ts";
import { createReplyReader } from "./decode/read-reply.ts";
import type { ContextSize } from "./discovery/context-size.ts";
import { createKnownTraits, type KnownTraits } from "./discovery/known-traits.ts";
import { learnWindow } from "./failures/context-overflow.ts";
import { outcomeFailure } from "./failures/stream-failure.ts";
import { type OpenReplyDeps, openReply } from "./open-reply.ts";
import { createTimeouts, orNullAfter } from "./scheduling/timeouts.ts";

export interface StreamReplyDeps {
  /** The server, without `/v1`. */
  baseUrl: string;
  apiKey?: string;
  /** Longest silence, in bytes, once an answer has begun; well above the 30 s between llama.cpp's keep-alives. */
  idleTimeoutMs: number;
  /** Longest wait for the first byte, and longest time in which nothing but keep-alives or loading chatter comes. */
  firstByteTimeoutMs: number;
  /** After so long without the headers of an answer it is told that the model may be loading; null: never. */
  silenceNoticeMs?: number | null;
  /** Grows by what refused requests reveal. */
  traits?: KnownTraits;
  /** For requests that name no model. */
  defaultModel?: string | null;
  contextSize: Pick<ContextSize, "get" | "learn">;
  /** Must have no time limits of its own. */
  dispatcher?: Dispatcher;
  /** Told once for every answer, with what the server measured. */
  log?: (facts: Record<string, unknown>, message: string) => void;
}

/** Every server asks for a name; one that has a single model takes any. */
const ANY_MODEL = "default";
/** A reply waits no longer than this for the size of its model's window. */
const CONTEXT_SIZE_WAIT_MS = 1_000;
/** How long a body may take to end after its end marker, so that the connection can be used again. */
const LAST_CHUNK_WAIT_MS = 50;

/**
 * A function that asks the model server for one answer and gives it out while it comes.
 *
 * The stream ends with a `reply` event or throws: `ModelFailure` when the server gave no whole answer, the signal's own
 * reason when it was aborted. Aborting closes the socket, which is what makes a model server stop generating.
 */
export function createStreamReply(given: StreamReplyDeps): StreamReply {
  const deps = {
    ...given,
    baseUrl: given.baseUrl.replace(/\/+$/, ""),
    // A model that is being loaded sends no headers for longer than undici's 300 s; `timeouts` has the limits instead.
    dispatcher: given.dispatcher ?? new Agent({ headersTimeout: 0, bodyTimeout: 0 }),
    traits: given.traits ?? createKnownTraits(),
  };
  return (request, signal) => streamReply(deps, request, signal);
}

async function* streamReply(
  deps: StreamReplyDeps & OpenReplyDeps,
  request: ModelRequest,
  signal: AbortSignal,
): AsyncGenerator<ReplyEvent> {
  signal.throwIfAborted();
  const model = request.model || deps.defaultModel || ANY_MODEL;
  const socket = new AbortController();
  const either = AbortSignal.any([signal, socket.signal]);
  const timeouts = createTimeouts(deps.idleTimeoutMs, deps.firstByteTimeoutMs, () => performance.now());
  const reader = createReplyReader(request.tools.length > 0 && request.toolChoice === "auto", newCallId);
  const giveUp = () => socket.abort(silence(reader.loading()));
  let contextSize: Promise<number | null> | undefined;
  let broken: unknown;
  try {
    const opening = openReply(deps, model, request, either);
    // A proxy that loads a model, or a server that queues the request, says nothing at all for minutes.
    if (deps.silenceNoticeMs && (await timeouts.wait(isSilent(opening, deps.silenceNoticeMs), giveUp)))
      yield { type: "loading", model: request.model, cause: "silence" };
    const response = await timeouts.wait(opening, giveUp);
    let isTold = false;
    const body = response.body?.getReader();
    while (body && reader.state() !== "over") {
      const step = await timeouts.wait(body.read(), giveUp).catch((error: unknown) => {
        broken = error;
      });
      signal.throwIfAborted();
      if (!step || step.done) break;
      const before = reader.progress();
      const pieces = reader.push(step.value);
      if (reader.hasLoaded() && !isTold) yield { type: "loading", model: request.model, cause: "told" };
      isTold = reader.hasLoaded();
      yield* pieces;
      timeouts.received(reader.progress() > before, reader.state() === "finished");
      // The model has begun to answer, so asking about it cannot make a proxy load it.
      if (reader.progress() > 0) contextSize ??= deps.contextSize.get(model);
    }
    const { pieces, outcome } = reader.end();
    yield* pieces;
    if (outcome.kind === "error") learnWindow(deps.contextSize.learn, model, outcome.error);
    if (outcome.kind !== "reply") {
      if (socket.signal.aborted && outcome.kind !== "error") throw socket.signal.reason;
      throw outcomeFailure(outcome, reader.visible(), broken);
    }
    if (body && broken === undefined)
      await orNullAfter(
        LAST_CHUNK_WAIT_MS,
        body.read().catch(() => null),
      );
    const size = await orNullAfter(CONTEXT_SIZE_WAIT_MS, contextSize ?? deps.contextSize.get(model));
    signal.throwIfAborted();
    deps.log?.({ model, finish_reason: outcome.reply.finishReason, timings: outcome.timings }, "model answered");
    yield { type: "reply", reply: { ...outcome.reply, contextSize: size } };
  } finally {
    // Also when the reader of the events stops early: what is left of the answer is not wanted.
    socket.abort();
  }
}

/** Whether nothing has come of it within so many milliseconds; a failure is something, and is met by whoever waits for it. */
async function isSilent(opening: Promise<unknown>, ms: number): Promise<boolean> {
  const begun = opening.then(
    () => true,
    () => true,
  );
  return (await orNullAfter(ms, begun)) === null;
}

function silence(loading: boolean): ModelFailure {
  return loading
    ? new ModelFailure("model_loading", "the model was still loading")
    : new ModelFailure("model_timeout", "the model server fell silent");
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** An id for a tool call that came without one. The nine letters and digits are what Mistral asks of an id. */
function newCallId(): string {
  let id = "call_";
  for (let place = 0; place < 9; place++) id += ALPHABET[randomInt(ALPHABET.length)];
  return id;
}
