import fc from "fast-check";
import { expect, test } from "vitest";
import { createServerReader } from "./read-server-messages.ts";

function message(type: string, body: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.write(type);
  header.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}

const anError = (severity: string, code: string, text: string) =>
  message("E", Buffer.from(`S${severity}\0V${severity}\0C${code}\0M${text}\0\0`));

const row = message("D", Buffer.from([0, 0]));
const complete = message("C", Buffer.from("SELECT 3\0"));
const inserted = message("C", Buffer.from("NONE\0"));
const failed = anError("ERROR", "57014", "canceling statement due to statement timeout");
const others = fc.oneof(
  fc
    .tuple(fc.constantFrom("D", "C", "N", "S", "T"), fc.uint8Array({ maxLength: 40 }))
    .map(([type, body]) => message(type, Buffer.from(body))),
  fc.constant(failed),
);
const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 });

/** Reads all bytes in pieces of these sizes. @returns what the client receives, and the FATAL error */
function readAll(all: Buffer, sizes: readonly number[]) {
  const read = createServerReader();
  const received: Buffer[] = [];
  for (let start = 0, turn = 0; start < all.length; turn++) {
    const piece = all.subarray(start, start + (sizes[turn % sizes.length] as number));
    const { pass, end } = read(piece);
    received.push(...pass);
    if (end) return { received: Buffer.concat(received), end };
    start += piece.length;
  }
  return { received: Buffer.concat(received), end: null };
}

/** What the client should receive, message by message: an end of rows comes before a row that follows a cut result. */
function expected(messages: readonly Buffer[]): Buffer {
  let result = "complete";
  return Buffer.concat(
    messages.flatMap((each) => {
      const type = each.toString("latin1", 0, 1);
      const parts = type === "D" && result === "cut" ? [inserted, each] : [each];
      if (type === "D") result = "rows";
      else if (type === "C") result = "complete";
      else if (type === "E" && result === "rows") result = "cut";
      return parts;
    }),
  );
}

test("a FATAL error that comes after any other messages, in pieces of any size, is withheld and returned", () => {
  fc.assert(
    fc.property(fc.array(others), sizes, (before, sizes) => {
      const last = anError("FATAL", "57P01", "für immer");
      const all = Buffer.concat([...before, last, Buffer.from("after")]);
      const { received, end } = readAll(all, sizes);
      expect(end).toMatchObject({ severity: "FATAL", code: "57P01", message: "für immer" });
      // The client may have received the first bytes of the error, but never all of it.
      const head = expected(before);
      expect(received.subarray(0, head.length)).toEqual(head);
      expect(received.length - head.length).toBeLessThan(last.length);
    }),
  );
});

test("all other messages pass unchanged; an end of rows is inserted before a row that follows a cut result", () => {
  fc.assert(
    fc.property(fc.array(others), sizes, (messages, sizes) => {
      const { received, end } = readAll(Buffer.concat(messages), sizes);
      expect(end).toBeNull();
      expect(received).toEqual(expected(messages));
    }),
  );
});

test("the end of rows is inserted once per cut result", () => {
  const all = [row, row, failed, row, row, complete, row, complete, failed, row, complete];
  const { received } = readAll(Buffer.concat(all), [1_000]);
  expect(received).toEqual(Buffer.concat([row, row, failed, inserted, ...all.slice(3)]));
});

test("a connection that turned out to be read-only ends when it is idle, in pieces of any size", () => {
  const readOnly = anError("ERROR", "25006", "cannot execute UPDATE in a read-only transaction");
  const ready = (status: string) => message("Z", Buffer.from(status));
  fc.assert(
    fc.property(fc.array(others), fc.array(others), sizes, (before, between, sizes) => {
      // Idle before the error, in a failed transaction after it, and idle again.
      const passed = [...before, ready("I"), readOnly, ready("E"), ...between, ready("I")];
      const { received, end } = readAll(Buffer.concat([...passed, ready("I"), row]), sizes);
      expect(end).toMatchObject({ code: "CONNECTION_CLOSED" });
      expect(received).toEqual(expected(passed));
    }),
  );
});
