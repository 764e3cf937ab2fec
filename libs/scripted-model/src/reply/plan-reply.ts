import { NO_QUIRKS, type Quirks, Script, type ScriptQuirks } from "../script.ts";
import { type Reply, type ReplyCall, type Stop, type Tokens, words } from "./reply.ts";

export interface RequestFacts {
  /** The number of this request among those of the same key and step, from 1. */
  attempt: number;
  step: number;
  /** The request offers tools and allows calls. */
  mayCallTools: boolean;
  /** The server's defaults; the script overrides them. */
  quirks: ScriptQuirks;
  /** Epoch milliseconds, for tokens that contain the time at which they were sent. */
  now: () => number;
}

/** Turns a script into the reply to one request. */
export function planReply(script: Omit<Script, "title">, facts: RequestFacts): Reply {
  const { attempt, step } = facts;
  const calls = callsOf(script, facts);
  const text = textTokens(script, calls.length > 0 ? script.step_tokens : null, facts);
  const faulty =
    (script.fail_first === undefined || attempt <= script.fail_first) &&
    (script.fail_at_step === undefined || step === script.fail_at_step);
  return {
    failure: faulty && script.status !== undefined ? failureOf(script, script.status) : null,
    headers: script.headers,
    hugeDelta: script.huge_delta,
    reasoning: { count: script.reasoning_tokens, at: (index) => `${index === 0 ? "" : " "}r${index}` },
    text,
    calls,
    finishReason:
      script.finish_reason === undefined ? (calls.length > 0 ? "tool_calls" : "stop") : script.finish_reason,
    intervalMs: script.interval_ms,
    tokensPerDelta: script.tokens_per_delta,
    stops: stopsOf(script, { step, faulty, count: text.count }),
    cutAfterBytes: (faulty ? script.cut_after_bytes : undefined) ?? null,
    keepAliveMs: script.keep_alive_ms ?? null,
    usage: script.usage,
    promptTokens: script.prompt_tokens ?? null,
    window: script.window === undefined ? null : { tokens: script.window, reported: !script.window_untold },
    quirks: { ...NO_QUIRKS, ...facts.quirks, ...script.quirks } as Quirks,
  };
}

/** A reply of the investigator: text or calls, without a script. */
export function plainReply(answer: {
  text: string;
  calls: ReplyCall[];
  intervalMs: number;
  quirks: ScriptQuirks;
}): Reply {
  const plain = planReply(Script.parse({ interval_ms: answer.intervalMs }), {
    attempt: 1,
    step: 0,
    mayCallTools: false,
    quirks: answer.quirks,
    now: () => 0,
  });
  const finishReason = answer.calls.length > 0 ? "tool_calls" : "stop";
  return { ...plain, text: words(answer.text), calls: answer.calls, finishReason };
}

function callsOf(script: Omit<Script, "title">, { step, mayCallTools }: RequestFacts): ReplyCall[] {
  if (step >= script.tool_depth || !(mayCallTools || script.ignore_tool_choice)) return [];
  const tools = Array.isArray(script.tool) ? script.tool : [script.tool];
  return Array.from({ length: script.tools_per_step ?? tools.length }, (_, index) => {
    const tool = tools[index % tools.length]!;
    const text = typeof tool.arguments === "string" ? tool.arguments : JSON.stringify(tool.arguments);
    return { name: tool.name, arguments: text };
  });
}

function textTokens(script: Omit<Script, "title">, stepTokens: number | null, { attempt, now }: RequestFacts): Tokens {
  if (script.text !== undefined && stepTokens === null) return words(script.text);
  const prefix = script.prefix ?? (script.mark === "none" ? "w" : "");
  const mark = { none: () => "", attempt: () => `${attempt}:`, time: () => `${now().toFixed(2)}:` }[script.mark];
  return {
    count: stepTokens ?? script.tokens,
    at: (index) => `${index === 0 ? "" : " "}${prefix}${mark()}${index}`,
  };
}

function failureOf(script: Omit<Script, "title">, status: number): NonNullable<Reply["failure"]> {
  const body = script.body ?? { error: { code: status, message: `scripted error ${status}`, type: "server_error" } };
  const isText = typeof body === "string";
  return {
    status,
    headers: { "content-type": isText ? "text/plain" : "application/json", ...script.headers },
    body: isText ? body : JSON.stringify(body),
  };
}

interface StopFacts {
  step: number;
  faulty: boolean;
  count: number;
}

/** A gate precedes a fault at the same position, so that a test can wait until the fault is about to happen. */
function stopsOf(script: Omit<Script, "title">, { step, faulty, count }: StopFacts): Stop[] {
  const after = (tokens: number) => Math.min(tokens, count);
  const position = (at: number | "headers" | "end") => (at === "headers" ? at : after(at === "end" ? count : at));
  const gates = typeof script.gate === "string" ? [{ name: script.gate, at: 0 }] : [script.gate ?? []].flat();
  const stops: Stop[] = gates
    .filter((gate) => !("step" in gate) || gate.step === undefined || gate.step === step)
    .map((gate) => ({ type: "hold", gate: gate.name, at: position(gate.at) }));
  if (faulty) {
    if (script.stall !== undefined) stops.push({ type: "hold", gate: null, at: position(script.stall) });
    const frame = script.error_frame;
    if (frame) stops.push({ type: "error_frame", at: after(frame.after_tokens), text: frameText(frame) });
    if (script.end_after_tokens !== undefined) stops.push({ type: "clean_end", at: after(script.end_after_tokens) });
    if (script.cut_after_tokens !== undefined) stops.push({ type: "reset", at: after(script.cut_after_tokens) });
  }
  const order = (stop: Stop) => (stop.at === "headers" ? -1 : stop.at);
  return stops.sort((a, b) => order(a) - order(b));
}

function frameText(frame: NonNullable<Script["error_frame"]>): string {
  const event = frame.event === undefined ? "" : `event: ${frame.event}\n`;
  return `${event}${frame.field}: ${JSON.stringify(frame.frame)}\n\n${frame.done ? "data: [DONE]\n\n" : ""}`;
}
