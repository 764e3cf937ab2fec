import { randomUUID } from "node:crypto";
import { messageComplete } from "../outputs/end-frames.ts";
import { toolCallBody, toolResultBody } from "../outputs/to-frame.ts";
import { leavesOut } from "../turn/fit-request.ts";
import { wholeReply, withdrawText } from "../turn/open-message.ts";
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
  // A message that an earlier attempt began is rewritten under the same id.
  let reusableId = turn.streaming_message_id;

  const fenced = async (written: Promise<boolean>) => {
    if (await written) return;
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

  for await (const event of events) {
    lease.signal.throwIfAborted();
    switch (event.type) {
      case "step_started": {
        const { step, context } = event;
        attempt.usage.expect(context?.prompt_estimate ?? 0);
        const started = { id: reusableId ?? randomUUID(), step, position: position++ };
        reusableId = null;
        const isCut = context !== null && leavesOut(context);
        const lastSeq = frames.lastSeq() + (isCut ? 2 : 1);
        const used = await store.startMessage({ ...started, lastSeq, context, model });
        await fenced(Promise.resolve(used !== null));
        attempt.message = { id: started.id, content: "", reasoning: "" };
        frames.emit({
          type: "message_started",
          message_id: started.id,
          turn_ordinal: turn.ordinal,
          position: started.position,
          role: "assistant",
          model,
        });
        if (isCut) frames.emit({ type: "context_fitted", message_id: started.id, context });
        const error = used && dayLimitReached(used, attempt.limits);
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
      case "tools_ignored": {
        const { setting, session_id: sessionId } = turn;
        if (setting?.toolsIgnored && setting.toolsIgnored.model === model) break;
        attempt.log.warn({ model, reason: event.reason }, "the model does not see the tools");
        attempt.announce(await store.recordToolsIgnored(sessionId, { model, reason: event.reason }));
        break;
      }
      case "tools_called": {
        frames.flush();
        attempt.dropDraft();
        const { id } = message();
        const calls = event.reply.toolCalls;
        const reply = wholeReply(id, event.reply);
        const lastSeq = frames.lastSeq() + calls.length;
        await fenced(store.saveToolCalls({ reply, lastSeq, usage: attempt.usage.sum() }));
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
        const reply = wholeReply(message().id, event.reply);
        const lastSeq = frames.lastSeq() + tools.length + 1;
        const usage = attempt.usage.sumWithReply();
        await fenced(store.commitStep({ reply, step: event.step, tools, lastSeq, usage }));
        attempt.usage.commit();
        frames.emit(
          ...tools.map((tool) => toolResultBody(tool.id, tool.position, tool.content, tool.result)),
          messageComplete("complete", reply),
        );
        attempt.message = null;
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
  throw new Error("a turn's events stopped before the turn ended");
}
