import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { z } from "zod";
import { ChatRequest } from "./chat-request.ts";
import { checkHeaders, checkRequest } from "./check/check-request.ts";
import { refuseRequest } from "./check/refuse-request.ts";
import { type Answer, type AnswerSources, chooseAnswer } from "./choose-answer.ts";
import type { Attempts } from "./control/attempts.ts";
import type { Gates } from "./control/gates.ts";
import type { RecordedRequest, Records } from "./control/records.ts";
import { readBody, sendError, sendJson } from "./http.ts";
import { answerWhole } from "./reply/answer-whole.ts";
import { hold } from "./reply/hold.ts";
import { playReply } from "./reply/play-reply.ts";
import type { Reply } from "./reply/reply.ts";
import { createResponseWriter } from "./reply/response-writer.ts";

export interface ChatDeps extends AnswerSources {
  records: Records;
  attempts: Attempts;
  gates: Gates;
}

/** `POST /v1/chat/completions`. For a request that it cannot answer (400 or 404), it records only violations. */
export async function answerChat(request: IncomingMessage, response: ServerResponse, deps: ChatDeps): Promise<void> {
  const raw = await readBody(request);
  if (raw === null) return sendError(response, 413, "the body is too large");
  const body = parseJson(raw);
  const refuse = (status: number, why: string, model = "") => {
    deps.records.addUnanswered(model, [...checkRequest(body), ...checkHeaders(request.headers)]);
    sendError(response, status, why);
  };
  if (body === undefined) return refuse(400, "the body is not JSON");
  const parsed = ChatRequest.safeParse(body);
  if (!parsed.success) return refuse(400, z.prettifyError(parsed.error));
  const chat = parsed.data;

  let answer: Answer | null;
  try {
    answer = chooseAnswer(chat, deps);
  } catch (error) {
    return refuse(400, (error as Error).message, chat.model);
  }
  if (!answer) return refuse(404, `no model is called ${chat.model}`, chat.model);

  const { answeredBy, key, step } = answer;
  const attempt = deps.attempts.next(key, step);
  const reply = answer.reply(attempt);
  const record = deps.records.add(
    {
      model: chat.model,
      answeredBy,
      key,
      step,
      attempt,
      stream: chat.stream,
      toolChoice: chat.tool_choice ?? null,
      offeredTools: chat.tools.map((tool) => tool.function.name),
      body,
      violations: [...checkRequest(body, reply.quirks), ...checkHeaders(request.headers)],
    },
    raw.length,
  );
  await send(reply, { chat, record, response, deps, promptTokens: Math.ceil(raw.length / 4) });
}

interface Sending {
  chat: ChatRequest;
  record: RecordedRequest;
  response: ServerResponse;
  deps: ChatDeps;
  promptTokens: number;
}

async function send(reply: Reply, { chat, record, response, deps, promptTokens }: Sending): Promise<void> {
  record.survives = reply.quirks.survives_disconnect;
  const writer = createResponseWriter(response, {
    cutAfterBytes: reply.cutAfterBytes,
    onEnd: (ending) => deps.records.finish(record, ending),
  });
  const playback = {
    writer,
    gates: deps.gates,
    names: { id: `chatcmpl-${newId()}`, model: chat.model, created: Math.floor(deps.now() / 1000) },
    promptTokens: reply.promptTokens ?? promptTokens,
    newId,
    now: () => performance.now(),
    usageAsked: chat.stream_options?.include_usage === true,
    onTokens: (count: number) => {
      record.tokensSent += count;
    },
  };
  for (const stop of reply.stops) {
    if (stop.type === "hold" && stop.at === "headers") await hold(stop, { ...playback, keepAliveMs: null });
  }
  if (writer.gone) return;
  const refusal = refuseRequest(record.body, reply.quirks);
  if (refusal) return sendJson(response, refusal.status, refusal.body);
  if (reply.window && promptTokens >= reply.window.tokens)
    return sendJson(response, 400, overflow(promptTokens, reply.window));
  if (reply.failure) response.writeHead(reply.failure.status, reply.failure.headers).end(reply.failure.body);
  else if (chat.stream) await playReply(reply, playback);
  else await answerWhole(reply, playback, response);
}

/** llama.cpp's error for a prompt that exceeds the context window of a slot. */
function overflow(promptTokens: number, window: NonNullable<Reply["window"]>): unknown {
  const message = "the request exceeds the available context size, try increasing it";
  if (!window.reported) return { error: { message } };
  const error = { code: 400, message, type: "exceed_context_size_error" };
  return { error: { ...error, n_prompt_tokens: promptTokens, n_ctx: window.tokens } };
}

/** 32 letters and digits, like the ids of llama.cpp. */
function newId(): string {
  return randomUUID().replaceAll("-", "");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
