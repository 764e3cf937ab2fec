import { createParser } from "eventsource-parser";

/** One event of the stream. `error` is also what old llama.cpp means with its non-standard field `error: {…}`. */
export interface SseEvent {
  kind: "data" | "error";
  data: string;
}

export interface SseReader {
  /** Bytes in any chunking: characters, lines and events may be cut anywhere. */
  push(bytes: Uint8Array): SseEvent[];
  /** The end of the body: gives an event that lacks its blank line. */
  end(): SseEvent[];
  /** Lines so far that are no SSE. Proxies append their own error body, unframed, to a stream that has already begun. */
  loose(): string;
}

/** A line longer than this is no model server's. Ollama buffers events of up to 8 MB. */
const MAX_LINE = 64 * 1024 * 1024;
/** What is kept of unframed text; an error body is much smaller, a whole completion may be large. */
const MAX_LOOSE = 16 * 1024 * 1024;

/** Reads an event stream, with LF, CRLF or CR, a BOM, comments, and `data` over several lines. */
export function createSseReader(): SseReader {
  const decoder = new TextDecoder();
  let events: SseEvent[] = [];
  const loose: string[] = [];
  let looseLength = 0;

  const parser = createParser({
    maxBufferSize: MAX_LINE,
    onEvent: ({ data, event }) => {
      if (data.trim() !== "") events.push({ kind: event === "error" ? "error" : "data", data });
    },
    onError: (fault) => {
      if (fault.type === "max-buffer-size-exceeded") throw fault;
      if (fault.type !== "unknown-field") return;
      if (fault.field === "error") {
        events.push({ kind: "error", data: fault.value ?? "" });
      } else if (looseLength < MAX_LOOSE) {
        const line = fault.line ?? "";
        loose.push(line);
        looseLength += line.length + 1;
      }
    },
  });

  function take(text: string): SseEvent[] {
    parser.feed(text);
    const taken = events;
    events = [];
    return taken;
  }

  return {
    push: (bytes) => take(decoder.decode(bytes, { stream: true })),
    // Two newlines end both an open line and an open event; a CR that was held back becomes a CRLF.
    end: () => take(`${decoder.decode()}\n\n`),
    loose: () => loose.join("\n"),
  };
}
