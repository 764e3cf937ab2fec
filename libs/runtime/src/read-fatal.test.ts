import fc from "fast-check";
import { expect, test } from "vitest";
import { createFatalReader } from "./read-fatal.ts";

function message(type: string, body: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.write(type);
  header.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}

const anError = (severity: string, code: string, text: string) =>
  message("E", Buffer.from(`S${severity}\0V${severity}\0C${code}\0M${text}\0\0`));

const others = fc.oneof(
  fc
    .tuple(fc.constantFrom("D", "Z", "C", "N", "S"), fc.uint8Array({ maxLength: 40 }))
    .map(([type, body]) => message(type, Buffer.from(body))),
  fc.constant(anError("ERROR", "23505", "a duplicate")),
);

test("the FATAL error is found after any other messages, in pieces of any size", () => {
  fc.assert(
    fc.property(fc.array(others), fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (before, sizes) => {
      const head = Buffer.concat(before);
      const all = Buffer.concat([head, anError("FATAL", "57P01", "für immer"), Buffer.from("after")]);
      const read = createFatalReader();
      for (let start = 0, turn = 0; start < all.length; turn++) {
        const piece = all.subarray(start, start + (sizes[turn % sizes.length] as number));
        const found = read(piece);
        if (found) {
          expect(start + found.at).toBe(Math.max(start, head.length));
          expect(found.error).toMatchObject({ severity: "FATAL", code: "57P01", message: "für immer" });
          return;
        }
        start += piece.length;
      }
      expect.unreachable("the end was not found");
    }),
  );
});

test("errors that do not end the connection are ignored", () => {
  fc.assert(
    fc.property(fc.array(others), fc.integer({ min: 1, max: 30 }), (messages, size) => {
      const all = Buffer.concat(messages);
      const read = createFatalReader();
      for (let start = 0; start < all.length; start += size) {
        expect(read(all.subarray(start, start + size))).toBeNull();
      }
    }),
  );
});
