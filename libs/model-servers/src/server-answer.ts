import { pipeline, type Readable } from "node:stream";
import { createBrotliDecompress, createUnzip } from "node:zlib";
import type { Dispatcher } from "undici";

/** The answer of a model server. Its body is read once, or cancelled. */
export interface ServerAnswer {
  status: number;
  /** The status is a success. */
  ok: boolean;
  headers: { get(name: string): string | null };
  /**
   * The next bytes of the body, as they arrive; null at its end. One call at a time.
   * @throws the runtime's error when the connection breaks; the reason of the request's signal
   */
  read(): Promise<Uint8Array | null>;
  /** The rest of the body. */
  text(): Promise<string>;
  /** @throws also when the rest of the body is not JSON */
  json(): Promise<unknown>;
  /** Closes the connection, unless the body has ended. */
  cancel(): void;
}

/** For servers that compress although they were asked not to. */
const DECODERS: Record<string, typeof createUnzip | typeof createBrotliDecompress> = {
  gzip: createUnzip,
  deflate: createUnzip,
  br: createBrotliDecompress,
};

/** The most chunks that wait for their reader; then the connection is not read. */
const MOST_WAITING = 64;

/** undici's own streams of fetch take several times the CPU time of a token that only passes through. */
export function toAnswer({ statusCode: status, headers, body: sent }: Dispatcher.ResponseData): ServerAnswer {
  const decoder = DECODERS[String(headers["content-encoding"])]?.();
  const body: Readable = decoder ? pipeline(sent, decoder, () => {}) : sent;
  const waiting: Uint8Array[] = [];
  let over: { error: unknown } | null = null;
  let wake = () => {};
  let isFlowing = false;
  const end = (error: unknown) => {
    over ??= { error };
    wake();
  };
  // Also of a body that nothing reads: an error without a listener would end the process.
  body.on("error", end).on("close", () => end(null));

  function flow(): void {
    if (isFlowing) return;
    isFlowing = true;
    body
      .on("end", () => end(null))
      .on("data", (bytes: Uint8Array) => {
        if (waiting.push(bytes) === MOST_WAITING) body.pause();
        wake();
      });
  }

  async function read(): Promise<Uint8Array | null> {
    flow();
    if (waiting.length === 0 && over === null) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const bytes = waiting.shift();
    if (bytes === undefined && over?.error) throw over.error;
    if (waiting.length === 0 && body.isPaused()) body.resume();
    return bytes ?? null;
  }

  async function text(): Promise<string> {
    const parts: Uint8Array[] = [];
    for (let bytes = await read(); bytes !== null; bytes = await read()) parts.push(bytes);
    return new TextDecoder().decode(Buffer.concat(parts));
  }

  return {
    status,
    ok: status >= 200 && status < 300,
    headers: {
      get(name) {
        const value = headers[name];
        return (Array.isArray(value) ? value.join(", ") : value) ?? null;
      },
    },
    read,
    text,
    json: async () => JSON.parse(await text()) as unknown,
    cancel: () => void body.destroy(),
  };
}
