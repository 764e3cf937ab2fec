import { createParser } from "eventsource-parser";

/** One event. The kind `error` also covers the non-standard field `error: {…}` of old llama.cpp versions. */
export interface SseEvent {
  kind: "data" | "error";
  data: string;
}

export interface SseReader {
  /** Takes bytes in any chunking: characters, lines and events may be split anywhere. */
  push(bytes: Uint8Array): SseEvent[];
  /** Ends the body and returns an event that lacks its blank line. */
  end(): SseEvent[];
  /** The lines so far that are not SSE: a proxy may append its own error body, unframed, to a stream that has begun. */
  loose(): string;
}

/** The longest line that is accepted. Ollama buffers events of up to 8 MB. */
const MAX_LINE = 64 * 1024 * 1024;
/** The most unframed text that is kept. Error bodies are much smaller, but a whole completion may be large. */
const MAX_LOOSE = 16 * 1024 * 1024;

/** Reads an event stream. Accepts LF, CRLF and CR, a BOM, comments, and `data` over several lines. */
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
    // Two newlines end an open line and an open event; a CR that was held back becomes a CRLF.
    end: () => take(`${decoder.decode()}\n\n`),
    loose: () => loose.join("\n"),
  };
}
