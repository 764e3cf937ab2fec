import { randomInt } from "node:crypto";
import { MAX_REPLY_BYTES } from "@boocode/contracts";
import { connectionReason, type ServerAddress } from "@boocode/model-servers";
import { linkAbort, scrubStrings } from "@boocode/runtime";
import { ModelFailure, type ModelRequest, type ReplyEvent, type StreamReply, type WaitEvent } from "../turn/ports.ts";
import { createReplyReader } from "./decode/read-reply.ts";
import type { ContextSize } from "./discovery/context-size.ts";
import { createKnownTraits, type KnownTraits } from "./discovery/known-traits.ts";
import type { ModelReady } from "./discovery/model-ready.ts";
import { learnWindow } from "./failures/context-overflow.ts";
import { isMalformedCallReason } from "./failures/error-kind.ts";
import { malformedCall, outcomeFailure } from "./failures/stream-failure.ts";
import { type OpenReplyDeps, openReply } from "./open-reply.ts";
import { createTimeouts, orNullAfter } from "./scheduling/timeouts.ts";
import { createReplyScrubber, type ReplyScrubber } from "./scrub-reply.ts";

export interface StreamReplyDeps {
  server: ServerAddress;
  /** Longest time without a byte once a reply has begun; well above the 30 s between llama.cpp's keep-alives. */
  idleTimeoutMs: number;
  /** Longest wait for the first byte, and longest time with nothing but keep-alives or loading messages. */
  firstByteTimeoutMs: number;
  /** After this time without response headers, subscribers are notified that the model may be loading; null: never. */
  silenceNoticeMs?: number | null;
  /** Tells whether the server's silence means a wait for a slot. */
  ready?: ModelReady;
  /** Learns the traits that refused requests reveal. */
  traits?: KnownTraits;
  /** The model of requests that name none. */
  defaultModel?: string | null;
  contextSize: Pick<ContextSize, "get" | "learn"> & Partial<Pick<ContextSize, "seesTools">>;
  /** Called once per reply, with the server's measurements, and with the runtime's error (`err`) of a connection. */
  log?: (facts: Record<string, unknown>, message: string) => void;
}

/** Every server requires a model name; a server with a single model accepts any name. */
const ANY_MODEL = "default";
/** The longest time that a reply waits for the size of its model's window. */
const CONTEXT_SIZE_WAIT_MS = 1_000;
/** A reason that is made once: without one, each abort makes an exception with its stack. */
const OVER = new Error("the reply is over");
/** How long a body may take to end after its end marker, so that the connection can be reused. */
const LAST_CHUNK_WAIT_MS = 50;

/**
 * Returns a function that requests one reply and emits it while it arrives.
 *
 * The stream ends with a `reply` event, or throws: a `ModelFailure` if it is incomplete, the signal's reason on an abort.
 * Aborting closes the socket, which makes a model server stop generating.
 */
export function createStreamReply(given: StreamReplyDeps): StreamReply {
  const deps = { ...given, traits: given.traits ?? createKnownTraits() };
  const newScrubber = createReplyScrubber(deps.server);
  return (request, signal) => streamReply(deps, request, newScrubber(), signal);
}

async function* streamReply(
  deps: StreamReplyDeps & OpenReplyDeps,
  request: ModelRequest,
  scrubber: ReplyScrubber,
  signal: AbortSignal,
): AsyncGenerator<ReplyEvent> {
  signal.throwIfAborted();
  const model = request.model || deps.defaultModel || ANY_MODEL;
  const socket = linkAbort(signal);
  const timeouts = createTimeouts(deps.idleTimeoutMs, deps.firstByteTimeoutMs, () => performance.now());
  const tools = request.tools.map(({ name }) => name);
  const reader = createReplyReader(tools, newCallId);
  let heard = false;
  const begun = performance.now();
  const giveUp = () => socket.abort(silence(reader.loading(), heard ? null : performance.now() - begun));
  let contextSize: Promise<number | null> | undefined;
  let answered: (() => void) | undefined;
  let broken = null as { reason: string; cause: unknown } | null;
  try {
    const opening = openReply(deps, model, request, socket.signal);
    // A proxy that loads a model, or a server that queues the request, may send nothing for minutes.
    if (deps.silenceNoticeMs && (await timeouts.wait(isSilent(opening, deps.silenceNoticeMs), giveUp)))
      yield* explainSilence(deps, opening, model, request.model);
    const response = await timeouts.wait(opening, giveUp);
    heard = true;
    let isTold = false;
    while (reader.state() !== "over") {
      const bytes = await timeouts.wait(response.read(), giveUp).catch((error: unknown) => {
        broken = { reason: connectionReason(error), cause: error };
      });
      signal.throwIfAborted();
      if (!bytes) break;
      const before = reader.progress();
      const pieces = reader.push(bytes);
      if (reader.progress() > 0) answered ??= deps.ready?.answers(model);
      if (reader.hasLoaded() && !isTold) yield { type: "loading", model: request.model, cause: "told" };
      isTold = reader.hasLoaded();
      // Before the text is shown: subscribers see only what is stored.
      if (reader.isTooLong()) throw tooLong(reader.visible());
      for (const piece of scrubber.pieces(pieces)) yield piece;
      timeouts.received(reader.progress() > before, reader.state() === "finished");
      // The model has begun to answer, so asking for its window cannot make a proxy load it.
      if (reader.progress() > 0) contextSize ??= deps.contextSize.get(model);
    }
    const { pieces, outcome } = reader.end();
    if (reader.isTooLong()) throw tooLong(reader.visible());
    for (const piece of [...scrubber.pieces(pieces), ...scrubber.end()]) yield piece;
    if (outcome.kind === "error") learnWindow(deps.contextSize.learn, model, outcome.error);
    if (outcome.kind !== "reply") {
      if (socket.signal.aborted && outcome.kind !== "error") throw socket.signal.reason;
      if (broken) deps.log?.({ model, err: broken.cause }, "the connection to the model server broke");
      throw outcomeFailure(scrubStrings(outcome), reader.visible(), broken);
    }
    if (isMalformedCallReason(outcome.reply.finishReason)) throw malformedCall(reader.visible());
    if (broken === null)
      await orNullAfter(
        LAST_CHUNK_WAIT_MS,
        response.read().catch(() => null),
      );
    const size = await orNullAfter(CONTEXT_SIZE_WAIT_MS, contextSize ?? deps.contextSize.get(model));
    const seesTools = deps.traits.of(model).no_tools ? false : (deps.contextSize.seesTools?.(model) ?? null);
    signal.throwIfAborted();
    const reply = { ...scrubber.reply(outcome.reply), contextSize: size, seesTools };
    deps.log?.({ model, finish_reason: reply.finishReason, timings: outcome.timings }, "model answered");
    yield { type: "reply", reply };
  } finally {
    // This also runs when the consumer stops early and the rest of the reply is not needed.
    answered?.();
    timeouts.stop();
    socket.abort(OVER);
    socket.release();
    if (reader.progress() > 0) request.onUsed?.(reader.usage());
  }
}

/** Reports why the server is silent, unless it answers in the meantime. */
async function* explainSilence(
  { ready }: StreamReplyDeps,
  opening: Promise<unknown>,
  model: string,
  asked: string | null,
): AsyncGenerator<WaitEvent> {
  const isReady = ready && (await Promise.race([ready.isReady(model), settled(opening)]));
  if (isReady === "settled") return;
  if (isReady) yield { type: "waiting", reason: "slot", retryInMs: null };
  else yield { type: "loading", model: asked, cause: "silence" };
}

/** Whether the request has not settled within `ms`. A failure counts as settled and is handled by the caller. */
async function isSilent(opening: Promise<unknown>, ms: number): Promise<boolean> {
  return (await orNullAfter(ms, settled(opening))) === null;
}

function settled(opening: Promise<unknown>): Promise<"settled"> {
  const is = () => "settled" as const;
  return opening.then(is, is);
}

function tooLong(visible: boolean): ModelFailure {
  return new ModelFailure("model_error", `the model's reply is longer than ${MAX_REPLY_BYTES} bytes`, { visible });
}

/** @param silentMs how long the server has sent nothing; null once it has begun an answer */
function silence(loading: boolean, silentMs: number | null): ModelFailure {
  if (loading) return new ModelFailure("model_loading", "the model was still loading");
  const details = silentMs === null ? {} : { retryable: true, silentMs };
  return new ModelFailure("model_timeout", "the model server stopped responding", details);
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** An id for a tool call without one: `call_` and nine random letters or digits. `createCallIds` adapts it. */
function newCallId(): string {
  let id = "call_";
  for (let place = 0; place < 9; place++) id += ALPHABET[randomInt(ALPHABET.length)];
  return id;
}
