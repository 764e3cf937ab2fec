import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { makeStamp, nowUs, readQuestion } from "../stamp.ts";

/*
 * The scripted model of the benchmarks: an OpenAI-compatible server that sends stamps as tokens, on time, and takes little of the
 * machine. A process of its own, so that its time is not the load generator's. Over IPC it says its URL, and for each
 * request when it had arrived, and for a request with the results of tools how long ago the request before it was answered.
 */

interface Stream {
  response: ServerResponse;
  turn: string;
  tokens: number;
  gapUs: number;
  startUs: number;
  sent: number;
  promptTokens: number;
}

/** In bytes. A count that is too low for its request would look like a prompt that the server has cut. */
const PER_TOKEN = 3;

const streams = new Set<Stream>();
const answeredAt = new Map<string, number>();

const line = (delta: string, finish = "null") =>
  `data: {"id":"c","object":"chat.completion.chunk","created":0,"model":"bench","choices":[{"index":0,"delta":${delta},"finish_reason":${finish}}]}\n\n`;

/** One timer for all streams. A token is due by the stream's start, so that lateness does not add up. */
function tick(): void {
  const now = nowUs();
  for (const stream of streams) {
    const due = stream.gapUs === 0 ? stream.tokens : Math.floor((now - stream.startUs) / stream.gapUs) + 1;
    while (stream.sent < Math.min(due, stream.tokens)) sendToken(stream);
    if (stream.sent === stream.tokens) endStream(stream);
  }
  if (streams.size > 0) setTimeout(tick, 1);
}

/** Past node's http, as a chunk of its own: half the time of `response.write`. */
function sendToken(stream: Stream): void {
  const text = line(`{"content":"${makeStamp(nowUs(), stream.sent++, stream.turn)}"}`);
  stream.response.socket?.write(`${text.length.toString(16)}\r\n${text}\r\n`, "latin1");
}

function endStream(stream: Stream): void {
  streams.delete(stream);
  stream.response.write(line("{}", '"stop"'));
  end(stream.response, stream.promptTokens, stream.tokens);
}

function end(response: ServerResponse, prompt: number, tokens: number): void {
  const usage = `{"prompt_tokens":${prompt},"completion_tokens":${tokens},"total_tokens":${prompt + tokens}}`;
  response.write(`data: {"id":"c","object":"chat.completion.chunk","choices":[],"usage":${usage}}\n\n`);
  response.end("data: [DONE]\n\n");
}

function callTools(response: ServerResponse, promptTokens: number, step: number, calls: number): void {
  for (let index = 0; index < calls; index++) {
    const path = `file${index}.ts`;
    const call = { name: "view_file", arguments: JSON.stringify({ path, start_line: 1, end_line: 200 }) };
    const part = { index, id: `call_${step}_${index}`, type: "function", function: call };
    response.write(line(JSON.stringify({ tool_calls: [part] })));
  }
  response.write(line("{}", '"tool_calls"'));
  end(response, promptTokens, calls);
}

function answer(request: Buffer, arrivedUs: number, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  const { turn, script } = readQuestion(request) ?? {
    turn: "0",
    script: { tokens: 1, gapMs: 0, ttftMs: 0, toolSteps: 0, toolCalls: 0 },
  };
  const askedAgain = answeredAt.get(turn);
  process.send?.({
    turn,
    arrivedUs,
    bytes: request.length,
    stepUs: askedAgain === undefined ? null : arrivedUs - askedAgain,
  });
  const done = script.toolSteps === 0 ? 0 : toolSteps(request);
  const promptTokens = Math.round(request.length / PER_TOKEN);
  setTimeout(() => {
    response.write(line('{"role":"assistant","content":null}'));
    if (done < script.toolSteps) {
      callTools(response, promptTokens, done, script.toolCalls);
      answeredAt.set(turn, nowUs());
      return;
    }
    answeredAt.delete(turn);
    const startUs = nowUs();
    const { tokens, gapMs } = script;
    const stream = { response, turn, tokens, gapUs: gapMs * 1000, startUs, sent: 0, promptTokens };
    response.on("close", () => streams.delete(stream));
    if (streams.size === 0) setImmediate(tick);
    streams.add(stream);
  }, script.ttftMs);
}

/** How many steps with tools the turn has behind it. */
function toolSteps(request: Buffer): number {
  const { messages } = JSON.parse(request.toString()) as { messages: { role: string }[] };
  return messages
    .slice(messages.findLastIndex(({ role }) => role === "user"))
    .filter(({ role }) => role === "assistant").length;
}

const server = createServer((request, response) => {
  const arrivedUs = nowUs();
  if (request.method !== "POST") {
    if (!request.url?.endsWith("/models")) return void response.writeHead(404).end();
    return void response.end(JSON.stringify({ object: "list", data: [{ id: "bench", object: "model" }] }));
  }
  const parts: Buffer[] = [];
  request.on("data", (part: Buffer) => parts.push(part));
  request.on("end", () => answer(Buffer.concat(parts), arrivedUs, response));
});
server.keepAliveTimeout = 60_000;
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () =>
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }),
);
process.once("disconnect", () => process.exit());
