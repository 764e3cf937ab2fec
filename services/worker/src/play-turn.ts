import { randomUUID } from "node:crypto";
import type { CancelReason, MessageContext, ReplyRecord, TurnEnd, TurnError } from "@boocode/contracts";
import type { ToolMessage } from "@boocode/store";
import type { Lease } from "./hold-leases.ts";
import { TurnStopped } from "./hold-leases.ts";
import { messageComplete } from "./outputs/end-frames.ts";
import type { FrameWriter } from "./outputs/frame-writer.ts";
import { toolCallBody, toolResultBody } from "./outputs/to-frame.ts";
import { leavesOut } from "./turn/fit-request.ts";
import { type OpenMessage, partialReply, wholeReply, withdrawText } from "./turn/reply-so-far.ts";
import type { TurnEvent } from "./turn/turn-event.ts";

/** The writes that a turn's events become. Each is fenced, and resolves to false when the fence is lost. */
export interface TurnWrites {
  startMessage(message: {
    id: string;
    position: number;
    step: number;
    lastSeq: number;
    context: MessageContext | null;
    model: string | null;
  }): Promise<boolean>;
  saveContext(messageId: string, context: MessageContext, lastSeq: number): Promise<boolean>;
  saveToolCalls(reply: ReplyRecord, lastSeq: number): Promise<boolean>;
  commitStep(reply: ReplyRecord, step: number, tools: ToolMessage[], lastSeq: number): Promise<boolean>;
}

export interface Stage {
  writes: TurnWrites;
  frames: FrameWriter;
  lease: Lease;
  ordinal: number;
  /** The place of the next message within the turn. */
  position: number;
  model: string | null;
  /** The message that an earlier attempt began: it is written anew under the same id. */
  reuseMessageId: string | null;
  /** The message that is open now; the frame writer adds text to it as it numbers it. */
  open: { message: OpenMessage | null };
  /** The drafts of this turn stop here: the commit that follows has the whole text. */
  dropDraft(): void;
  /** Why the turn is being cancelled; null when it is not, or is no longer this worker's. */
  cancelReason(): Promise<CancelReason | null>;
  warn(facts: object, message: string): void;
}

/** How an attempt ended: `broken_off` is no end of the turn, as long as it has attempts left. */
export type Ending = TurnEnd | { status: "broken_off"; error: TurnError };

/**
 * Plays a turn's events into Postgres and the frame log, in that order: what a frame states is committed first (D5).
 * @returns how the turn ended and what its open message holds; it is not committed yet
 * @throws TurnStopped when the turn was stopped from outside or its fence is lost
 */
export async function playTurn(
  events: AsyncIterable<TurnEvent>,
  stage: Stage,
): Promise<{ end: Ending; reply: ReplyRecord | null }> {
  const { writes, frames, open } = stage;
  const held = async (written: Promise<boolean>) => {
    if (await written) return;
    // A write is refused to a turn that is being cancelled as well; that one is still ours to end, with the text so far.
    const reason = await stage.cancelReason();
    const why: TurnStopped["why"] = reason ? { kind: "cancelled", reason } : { kind: "lost" };
    stage.lease.stop(why);
    throw new TurnStopped(why);
  };
  const message = () => {
    if (!open.message) throw new Error("a turn's event came without an open message");
    return open.message;
  };

  for await (const event of events) {
    stage.lease.signal.throwIfAborted();
    switch (event.type) {
      case "step_started": {
        const id = stage.reuseMessageId ?? randomUUID();
        stage.reuseMessageId = null;
        const started = { id, step: event.step, position: stage.position++ };
        const { context } = event;
        const isTold = context !== null && leavesOut(context);
        const lastSeq = frames.lastSeq() + (isTold ? 2 : 1);
        await held(writes.startMessage({ ...started, lastSeq, context, model: stage.model }));
        open.message = { ...started, content: "", reasoning: "" };
        frames.emit({
          type: "message_started",
          message_id: id,
          turn_ordinal: stage.ordinal,
          position: started.position,
          role: "assistant",
          model: stage.model,
        });
        if (isTold) frames.emit({ type: "context_fitted", message_id: id, context });
        break;
      }
      case "refitted": {
        frames.flush();
        stage.dropDraft();
        const { context } = event;
        await held(writes.saveContext(message().id, context, frames.lastSeq() + 1));
        frames.emit({ type: "context_fitted", message_id: message().id, context });
        if (context.truncated_by_server) stage.warn({ context }, "the model server left out a part of the prompt");
        break;
      }
      case "loading":
        frames.emit({ type: "model_loading", model: event.model, cause: event.cause });
        break;
      case "waiting":
        frames.emit({ type: "turn_waiting", reason: event.reason, retry_in_ms: event.retryInMs });
        break;
      case "text":
        frames.delta("delta", message().id, event.text);
        break;
      case "reasoning":
        frames.delta("reasoning_delta", message().id, event.text);
        break;
      case "text_was_reasoning":
        frames.flush();
        withdrawText(message());
        frames.emit({ type: "text_was_reasoning", message_id: message().id });
        break;
      case "tools_called": {
        frames.flush();
        const calls = event.reply.toolCalls;
        stage.dropDraft();
        await held(writes.saveToolCalls(wholeReply(message(), event.reply), frames.lastSeq() + calls.length));
        frames.emit(...calls.map((call) => toolCallBody(message().id, call)));
        break;
      }
      case "step_finished": {
        const tools = event.outcomes.map((outcome) => ({
          id: randomUUID(),
          position: stage.position++,
          content: outcome.output,
          result: outcome.result,
        }));
        const reply = wholeReply(message(), event.reply);
        await held(writes.commitStep(reply, event.step, tools, frames.lastSeq() + tools.length + 1));
        frames.emit(
          ...tools.map((tool) => toolResultBody(tool.id, tool.position, tool.content, tool.result)),
          messageComplete("complete", reply),
        );
        open.message = null;
        break;
      }
      case "answered":
        frames.flush();
        return { end: { status: "complete" }, reply: wholeReply(message(), event.reply) };
      case "broken_off":
      case "failed":
        frames.flush();
        return {
          end: { status: event.type, error: event.error },
          reply: open.message ? partialReply(open.message) : null,
        };
    }
  }
  throw new Error("a turn's events ended without an end");
}
