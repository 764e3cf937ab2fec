import { connectionReason, RedirectRefused, requestTo, type ServerAddress } from "@boocode/model-servers";
import { decodeChunk } from "../../services/worker/src/model/decode/decode-chunk.ts";
import { createSseReader } from "../../services/worker/src/model/decode/sse.ts";
import { ProbeFailed } from "./probe-failed.ts";

export interface Probed extends ServerAddress {
  model: string;
}

/** One answer, chunk by chunk, as received. */
export interface RawAnswer {
  status: number;
  /** The body of a refusal. */
  refusal: string;
  /** The payloads of the stream's events, parsed. */
  chunks: Record<string, unknown>[];
  isDone: boolean;
  error: unknown;
  firstByteMs: number;
}

const TIMEOUT_MS = 10 * 60_000;

/**
 * Sends a chat request and keeps the raw stream, without this project's own decoding.
 * @throws ProbeFailed when the connection breaks
 */
export async function askRaw(
  server: Probed,
  body: object,
  onChunk?: () => void,
  signal?: AbortSignal,
): Promise<RawAnswer> {
  try {
    return await readAnswer(server, body, onChunk, signal);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const cause = error instanceof RedirectRefused ? error.message : connectionReason(error);
    throw new ProbeFailed(`${server.model} broke off without an answer: ${cause}`, { cause: error });
  }
}

async function readAnswer(
  server: Probed,
  body: object,
  onChunk: () => void = () => {},
  signal: AbortSignal = AbortSignal.timeout(TIMEOUT_MS),
): Promise<RawAnswer> {
  const begun = performance.now();
  const response = await requestTo(server, "/v1/chat/completions", {
    body: { model: server.model, stream: true, ...body },
    signal,
  });
  const answer: RawAnswer = {
    status: response.status,
    refusal: "",
    chunks: [],
    isDone: false,
    error: null,
    firstByteMs: Math.round(performance.now() - begun),
  };
  if (!response.ok) return { ...answer, refusal: await response.text() };
  const reader = createSseReader();
  for (let bytes = await response.read(); bytes !== null; bytes = await response.read()) {
    for (const { data } of reader.push(bytes)) {
      const chunk = decodeChunk(data);
      if (chunk.kind === "done") answer.isDone = true;
      else if (chunk.kind === "error") answer.error = chunk.error;
      else if (chunk.kind === "facts") answer.chunks.push(JSON.parse(data));
      onChunk();
    }
  }
  return answer;
}
