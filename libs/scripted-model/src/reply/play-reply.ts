import type { Gates } from "../control/gates.ts";
import type { ChunkNames, Chunks, Usage } from "./chunks.ts";
import { buildChunks } from "./chunks.ts";
import { hold } from "./hold.ts";
import type { Break, Reply, Tokens } from "./reply.ts";
import type { Transport } from "./response-writer.ts";
import { toolCallDeltas } from "./tool-call-deltas.ts";

export interface Stage {
  transport: Transport;
  gates: Gates;
  names: ChunkNames;
  promptTokens: number;
  usageAsked: boolean;
  newId: () => string;
  /** Monotonic milliseconds. */
  now: () => number;
  onTokens: (count: number) => void;
}

/** Overdue deltas go out in one write, but never more than these, so that one stream cannot hold up the others. */
const DELTAS_PER_WRITE = 64;

/** Streams one answer from its headers on, with all its waits and faults, until it ends or the client goes away. */
export async function playReply(reply: Reply, stage: Stage): Promise<void> {
  const { transport } = stage;
  const chunks = buildChunks(stage.names, reply.quirks);
  const started = stage.now();
  const usage = (tokens: number): Usage => ({ promptTokens: stage.promptTokens, completionTokens: tokens });

  transport.open(reply.headers);
  if (reply.quirks.loading_chatter) await transport.write(LOADING_CHATTER);
  await transport.write(chunks.delta(`"role":"assistant","content":null`));
  if (reply.hugeDelta > 0) await transport.write(chunks.content("h".repeat(reply.hugeDelta)));
  await playReasoning(reply, stage, chunks);

  let sent = 0;
  const content = (text: string, index: number) =>
    chunks.content(text, reply.usage === "each" ? usage(index) : undefined);
  for (const stop of reply.stops) {
    if (stop.at === "headers") continue;
    await playTokens(reply.text, sent, stop.at, content, reply, stage);
    sent = stop.at;
    if (stop.type === "hold") await hold(stop, { ...stage, keepAliveMs: reply.keepAliveMs });
    else return breakOff(stop, transport);
  }
  await playTokens(reply.text, sent, reply.text.count, content, reply, stage);

  for (const [index, call] of reply.calls.entries()) {
    const deltas = toolCallDeltas(call, index, stage.newId, reply.quirks);
    await transport.write(deltas.map((delta) => chunks.delta(delta)).join(""));
  }
  const total = usage(reply.text.count + reply.reasoning.count + reply.calls.length * 10);
  const onFinish = reply.usage === "finish" || reply.usage === "each";
  const own = reply.usage === "asked" && stage.usageAsked ? chunks.usage(total, stage.now() - started) : "";
  await transport.write(chunks.delta("", reply.finishReason, onFinish ? total : undefined) + own + chunks.done);
  transport.end();
}

async function playReasoning(reply: Reply, stage: Stage, chunks: Chunks): Promise<void> {
  if (reply.reasoning.count === 0) return;
  const opens = reply.quirks.reasoning === "think";
  const inline = opens || reply.quirks.reasoning === "untold";
  if (opens) await stage.transport.write(chunks.content("<thi") + chunks.content("nk>\n"));
  await playTokens(reply.reasoning, 0, reply.reasoning.count, (text) => chunks.reasoning(text), reply, stage);
  if (inline) await stage.transport.write(chunks.content("\n</th") + chunks.content("ink>\n\n"));
}

/**
 * Sends the tokens `from … to` at the script's pace. A delta is due by the clock and not so long after the last one:
 * timers fire late under load, and the pace should hold all the same.
 */
async function playTokens(
  tokens: Tokens,
  from: number,
  to: number,
  chunk: (text: string, index: number) => string,
  { intervalMs, tokensPerDelta }: Reply,
  { transport, now, onTokens }: Stage,
): Promise<void> {
  const started = now();
  let deltas = 0;
  for (let next = from; next < to && !transport.gone; ) {
    const due = intervalMs === 0 ? Number.POSITIVE_INFINITY : Math.floor((now() - started) / intervalMs) + 1;
    const first = next;
    let text = "";
    for (let count = 0; next < to && deltas < due && count < DELTAS_PER_WRITE; count += 1) {
      let delta = "";
      for (const end = Math.min(next + tokensPerDelta, to); next < end; next += 1) delta += tokens.at(next);
      text += chunk(delta, next);
      deltas += 1;
    }
    await transport.write(text);
    onTokens(next - first);
    if (next < to) await transport.sleep(intervalMs === 0 ? 0 : Math.max(0, started + deltas * intervalMs - now()));
  }
}

async function breakOff(stop: Break, transport: Transport): Promise<void> {
  if (stop.type === "reset") return transport.reset();
  if (stop.type === "error_frame") await transport.write(stop.text);
  transport.end();
}

const LOADING_CHATTER = ["━━━━━", "\n", "llama", "-swap", " load", "ing m", "odel", "\n", "Done!", "\n"]
  .map((text) => `data: {"choices":[{"delta":{"reasoning_content":${JSON.stringify(text)}}}]}\n\n`)
  .join("");
