import fc from "fast-check";
import { expect, test } from "vitest";
import { messageFilter } from "./redis-replies.ts";

const bulk = (text: string) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
const published = (payload: string, sign = "*") => `${sign}3\r\n${bulk("message")}${bulk("a channel")}${bulk(payload)}`;

test("removes matching messages in any chunking of the bytes, and keeps every other byte", () => {
  const replies = ["+OK\r\n", ":7\r\n", "$-1\r\n", `*2\r\n${bulk("pong")}${bulk("message")}`, published("kept\r\n*3")];
  const reply = fc.oneof(fc.constantFrom(...replies), fc.constantFrom(published("GONE"), published("GONE", ">")));
  fc.assert(
    fc.property(fc.array(reply), fc.array(fc.integer({ min: 1, max: 40 })), (stream, lengths) => {
      const filter = messageFilter((message) => message.includes("GONE"));
      const bytes = Buffer.from(stream.join(""));
      let passed = "";
      let at = 0;
      for (const length of lengths) {
        passed += filter(bytes.subarray(at, at + length)).toString();
        at += length;
      }
      passed += filter(bytes.subarray(at)).toString();
      expect(passed).toBe(stream.filter((one) => !one.includes("GONE")).join(""));
    }),
  );
});
