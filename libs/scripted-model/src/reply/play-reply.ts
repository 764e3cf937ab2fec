import type { Gates } from "../control/gates.ts";
import type { ChunkNames, Chunks, Usage } from "./chunks.ts";
import { buildChunks } from "./chunks.ts";
import { hold } from "./hold.ts";
import type { Break, Reply, ReplyCall, Tokens } from "./reply.ts";
import type { ResponseWriter } from "./response-writer.ts";
import { toolCallDeltas } from "./tool-call-deltas.ts";

export interface Playback {
  writer: ResponseWriter;
  gates: Gates;
  names: ChunkNames;
  promptTokens: number;
  usageAsked: boolean;
  newId: () => string;
  /** Monotonic milliseconds. */
  now: () => number;
  onTokens: (count: number) => void;
}

/** Overdue deltas are sent in one write of at most this many, so that one stream cannot delay the others. */
const DELTAS_PER_WRITE = 64;

/** Streams one reply with all its waits and faults, from the headers until it ends or the client disconnects. */
export async function playReply(reply: Reply, playback: Playback): Promise<void> {
  const { writer } = playback;
  const chunks = buildChunks(playback.names, reply.quirks);
  const started = playback.now();
  const usage = (tokens: number): Usage => ({ promptTokens: playback.promptTokens, completionTokens: tokens });

  writer.open(reply.headers);
  if (reply.quirks.loading_chatter) await writer.write(LOADING_CHATTER);
  await writer.write(chunks.delta(`"role":"assistant","content":null`));
  if (reply.hugeDelta > 0) await writer.write(chunks.content("h".repeat(reply.hugeDelta)));
  await playReasoning(reply, playback, chunks);

  let sent = 0;
  const content = (text: string, index: number) =>
    chunks.content(text, reply.usage === "each" ? usage(index) : undefined);
  for (const stop of reply.stops) {
    if (stop.at === "headers") continue;
    await playTokens(reply.text, sent, stop.at, content, reply, playback);
    sent = stop.at;
    if (stop.type === "hold") await hold(stop, { ...playback, keepAliveMs: reply.keepAliveMs });
    else return endEarly(stop, writer);
  }
  await playTokens(reply.text, sent, reply.text.count, content, reply, playback);

  for (const [index, call] of reply.calls.entries()) {
    const deltas = reply.quirks.text_calls
      ? textOfCall(call).map((text) => chunks.content(text))
      : toolCallDeltas(call, index, playback.newId, reply.quirks).map((delta) => chunks.delta(delta));
    await writer.write(deltas.join(""));
  }
  const finishReason = reply.quirks.text_calls && reply.finishReason === "tool_calls" ? "stop" : reply.finishReason;
  const total = usage(reply.text.count + reply.reasoning.count + reply.calls.length * 10);
  const onFinish = reply.usage === "finish" || reply.usage === "each";
  const own = reply.usage === "asked" && playback.usageAsked ? chunks.usage(total, playback.now() - started) : "";
  await writer.write(chunks.delta("", finishReason, onFinish ? total : undefined) + own + chunks.done);
  writer.end();
}

async function playReasoning(reply: Reply, playback: Playback, chunks: Chunks): Promise<void> {
  if (reply.reasoning.count === 0) return;
  const opens = reply.quirks.reasoning === "think";
  const inline = opens || reply.quirks.reasoning === "untold";
  if (opens) await playback.writer.write(chunks.content("<thi") + chunks.content("nk>\n"));
  await playTokens(reply.reasoning, 0, reply.reasoning.count, (text) => chunks.reasoning(text), reply, playback);
  if (inline) await playback.writer.write(chunks.content("\n</th") + chunks.content("ink>\n\n"));
}

/**
 * Sends the tokens `from … to` at the script's pace. Each delta is due at a fixed time after the start, not after the previous
 * delta, so that the pace holds although timers fire late under load.
 */
async function playTokens(
  tokens: Tokens,
  from: number,
  to: number,
  chunk: (text: string, index: number) => string,
  { intervalMs, tokensPerDelta }: Reply,
  { writer, now, onTokens }: Playback,
): Promise<void> {
  const started = now();
  let deltas = 0;
  for (let next = from; next < to && !writer.gone; ) {
    const due = intervalMs === 0 ? Number.POSITIVE_INFINITY : Math.floor((now() - started) / intervalMs) + 1;
    const first = next;
    let text = "";
    for (let count = 0; next < to && deltas < due && count < DELTAS_PER_WRITE; count += 1) {
      let delta = "";
      for (const end = Math.min(next + tokensPerDelta, to); next < end; next += 1) delta += tokens.at(next);
      text += chunk(delta, next);
      deltas += 1;
    }
    await writer.write(text);
    onTokens(next - first);
    if (next < to) await writer.sleep(intervalMs === 0 ? 0 : Math.max(0, started + deltas * intervalMs - now()));
  }
}

/** A call as Hermes and Qwen write it, in pieces of four characters. */
function textOfCall({ name, arguments: args }: ReplyCall): string[] {
  const text = `\n<tool_call>\n{"name": ${JSON.stringify(name)}, "arguments": ${args}}\n</tool_call>`;
  return text.match(/[\s\S]{1,4}/g) ?? [];
}

async function endEarly(stop: Break, writer: ResponseWriter): Promise<void> {
  if (stop.type === "reset") return writer.reset();
  if (stop.type === "error_frame") await writer.write(stop.text);
  writer.end();
}

const LOADING_CHATTER = ["━━━━━", "\n", "llama", "-swap", " load", "ing m", "odel", "\n", "Done!", "\n"]
  .map((text) => `data: {"choices":[{"delta":{"reasoning_content":${JSON.stringify(text)}}}]}\n\n`)
  .join("");
