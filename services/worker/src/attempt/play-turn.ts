import { randomUUID } from "node:crypto";
import { messageComplete } from "../outputs/end-frames.ts";
import { type StartedMessage, startFrames } from "../outputs/start-frames.ts";
import { toolCallBody, toolResultBody } from "../outputs/to-frame.ts";
import { openMessage, wholeReply, withdrawText } from "../turn/open-message.ts";
import type { TurnEvent } from "../turn/turn-event.ts";
import type { Attempt, Outcome } from "./attempt.ts";
import { dayLimitReached } from "./day-limit.ts";
import { TurnStopped } from "./leases.ts";
import type { PreparedTurn } from "./prepare-turn.ts";

/**
 * Writes a turn's events to Postgres and then to the frame log: what a frame states is committed first (D5).
 * @returns the outcome, not committed yet
 * @throws TurnStopped when the turn was stopped from outside or its fence is lost
 */
export async function playTurn(
  events: AsyncIterable<TurnEvent>,
  attempt: Attempt,
  first: Pick<PreparedTurn, "position" | "input">,
): Promise<Outcome> {
  const { store, frames, lease, turn } = attempt;
  const { model } = first.input;
  let { position } = first;
  /** The write that begins the first message, while the model is asked. */
  let starting: Promise<void> | null = null;

  const fenced = async <T>(written: Promise<T>): Promise<T & {}> => {
    const result = await written;
    if (result) return result;
    // A turn that is being cancelled refuses writes too; this attempt still ends it, with the text so far.
    const reason = await store.readCancelReason();
    const why: TurnStopped["why"] = reason ? { kind: "cancelled", reason } : { kind: "lost" };
    lease.stop(why);
    throw new TurnStopped(why);
  };
  const message = () => {
    if (!attempt.message) throw new Error("a turn's event came without an open message");
    return attempt.message;
  };
  const begin = (started: StartedMessage) => {
    attempt.message = openMessage(started.id, started.context);
    frames.emit(...startFrames(turn.ordinal, started));
  };

  /** Begins the message of the first step, unless the claim has begun it in just this way. */
  async function startFirst(step: number, started: StartedMessage): Promise<void> {
    const bodies = startFrames(turn.ordinal, started);
    if (turn.begun?.model !== model || bodies.length > 1)
      await fenced(store.startMessage({ ...started, step, lastSeq: frames.lastSeq() + bodies.length }));
    begin(started);
  }

  try {
    for await (const event of events) {
      lease.signal.throwIfAborted();
      if (starting) await starting;
      starting = null;
      switch (event.type) {
        case "step_started": {
          const { step, context } = event;
          attempt.usage.expect(context?.prompt_estimate ?? 0);
          // A message that an earlier attempt began is rewritten under the same id.
          const id = turn.streaming_message_id ?? randomUUID();
          starting = startFirst(step, { id, position: position++, model, context });
          // What it throws is thrown at the next event.
          starting.catch(() => {});
          const error = dayLimitReached(turn.used, attempt.limitsOf(turn.asker));
          if (error) return { kind: "failed", error };
          break;
        }
        case "refitted": {
          frames.flush();
          attempt.dropDraft();
          const { context } = event;
          attempt.usage.expect(context.prompt_estimate);
          const messageId = message().id;
          await fenced(store.saveContext({ messageId, context, lastSeq: frames.lastSeq() + 1 }));
          message().context = context;
          frames.emit({ type: "context_fitted", message_id: messageId, context });
          if (context.truncated_by_server)
            attempt.log.warn({ context }, "the model server left out a part of the prompt");
          break;
        }
        case "loading":
          frames.emit({ type: "model_loading", model: event.model, cause: event.cause });
          break;
        case "waiting":
          frames.emit({
            ...{ type: "turn_waiting", reason: event.reason, retry_in_ms: event.retryInMs },
            ...(event.ahead !== undefined && { ahead: event.ahead }),
          });
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
        case "tools_ignored":
          if (turn.setting?.toolsIgnored?.model !== model || !turn.setting.toolsIgnored)
            attempt.log.warn({ model, reason: event.reason }, "the model does not see the tools");
          attempt.toolsIgnored = { model, reason: event.reason };
          break;
        case "tools_called": {
          frames.flush();
          attempt.dropDraft();
          const { id, context } = message();
          const calls = event.reply.toolCalls;
          const reply = wholeReply(id, event.reply);
          const lastSeq = frames.lastSeq() + calls.length;
          await fenced(store.saveToolCalls({ reply, context, lastSeq, usage: attempt.usage.sum() }));
          frames.emit(...calls.map((call) => toolCallBody(id, call)));
          break;
        }
        case "step_finished": {
          const tools = event.outcomes.map(({ output, result, evidence }) => ({
            id: randomUUID(),
            position: position++,
            content: output,
            result,
            evidence,
          }));
          const { id, context } = message();
          const reply = wholeReply(id, event.reply);
          const next = { id: randomUUID(), position: position++, model, context: event.next };
          const lastSeq = frames.lastSeq() + tools.length + 1 + startFrames(turn.ordinal, next).length;
          const usage = attempt.usage.sumWithReply();
          const { used, asker } = await fenced(
            store.commitStep({ reply, context, step: event.step, tools, lastSeq, usage, next }),
          );
          attempt.usage.commit();
          frames.emit(
            ...tools.map((tool) => toolResultBody(tool.id, tool.position, tool.content, tool.result)),
            messageComplete("complete", reply),
          );
          attempt.usage.expect(event.next?.prompt_estimate ?? 0);
          begin(next);
          const error = dayLimitReached(used, attempt.limitsOf(asker));
          if (error) return { kind: "failed", error };
          break;
        }
        case "answered":
          return { kind: "answered", reply: wholeReply(message().id, event.reply) };
        case "broken_off":
        case "failed":
          return { kind: event.type, error: event.error };
        default:
          event satisfies never;
      }
    }
  } finally {
    // The frames of the start go before those of the turn's end.
    await starting?.catch(() => {});
  }
  throw new Error("a turn's events stopped before the turn ended");
}
