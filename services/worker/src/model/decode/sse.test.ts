import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSseReader } from "./sse.ts";

const encode = (text: string) => new TextEncoder().encode(text);

function read(parts: Uint8Array[]) {
  const reader = createSseReader();
  const events = [...parts.flatMap((part) => reader.push(part)), ...reader.end()];
  return { events: events.map(({ kind, data }) => `${kind} ${data}`), loose: reader.loose() };
}

describe("createSseReader", () => {
  it("reads LF, CRLF and CR, comments, a BOM, other fields, and data over several lines", () => {
    for (const newline of ["\n", "\r\n", "\r"]) {
      const lines = [
        "\ufeff: hello",
        "",
        "event: message",
        "id: 7",
        "retry: 9",
        "data:a",
        "data:  b",
        "",
        "data:",
        "",
        "",
      ];
      expect(read([encode(lines.join(newline))])).toEqual({ events: ["data a\n b"], loose: "" });
    }
  });

  it("returns the last event even if its blank line, or even its newline, is missing", () => {
    expect(read([encode("data: a\n\ndata: [DONE]")]).events).toEqual(["data a", "data [DONE]"]);
    expect(read([encode("data: a\r")]).events).toEqual(["data a"]);
  });

  it("distinguishes events named error, and the field error, from other events", () => {
    const { events } = read([encode('event: error\ndata: {"a":1}\n\nerror: {"b":2}\n\ndata: c\n\n')]);
    expect(events).toEqual(['error {"a":1}', 'error {"b":2}', "data c"]);
  });

  it("keeps lines that are not part of an event stream", () => {
    const { events, loose } = read([encode('data: a\n\n{\n "error": {\n  "message": "gone"\n }\n}')]);
    expect(events).toEqual(["data a"]);
    expect(JSON.parse(loose)).toEqual({ error: { message: "gone" } });
  });

  it("returns the same events for any chunking of the bytes", () => {
    const line = fc.constantFrom(
      "data: fáilte 🌊",
      "data:{",
      ": ping",
      "event: error",
      'error: {"x":1}',
      "",
      "",
      "{loose",
      "id: 1",
    );
    const stream = fc
      .array(fc.tuple(line, fc.constantFrom("\n", "\r\n", "\r")))
      .map((lines) => encode(lines.map(([text, newline]) => text + newline).join("")));
    fc.assert(
      fc.property(stream, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (bytes, sizes) => {
        const parts: Uint8Array[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const size = sizes[turn % sizes.length] as number;
          parts.push(bytes.subarray(at, at + size));
          at += size;
        }
        expect(read(parts)).toEqual(read([bytes]));
      }),
    );
  });
});
