import { expect, test } from "vitest";
import { readMatchRecord } from "./match-record.ts";

const record = (value: unknown) => ({ bytes: Buffer.from(JSON.stringify(value)), complete: true });
const data = { path: { text: "../a.ts" }, lines: { text: "foo bar\r\n" }, line_number: 3, submatches: [{ start: 4 }] };

test("a match record becomes a candidate without its line break", () => {
  const candidate = { path: "../a.ts", line: 3, bytes: Buffer.from("foo bar"), start: 4 };
  expect(readMatchRecord(record({ type: "match", data }))).toEqual(candidate);
});

test("a line that is not UTF-8 keeps its bytes", () => {
  const lines = { bytes: Buffer.from([0xe9, 0x0a]).toString("base64") };
  expect(readMatchRecord(record({ type: "match", data: { ...data, lines } }))?.bytes).toEqual(Buffer.from([0xe9]));
});

test("a record that was cut within the positions of its matches keeps the line and the first position", () => {
  const submatches = [
    { match: { text: 'a"},"start":9' }, start: 4, end: 5 },
    { match: { text: "a" }, start: 8, end: 9 },
  ];
  const whole = JSON.stringify({ type: "match", data: { ...data, submatches } });
  for (const kept of [whole.length - 1, whole.length - 20, whole.indexOf('"end"')]) {
    const candidate = readMatchRecord({ bytes: Buffer.from(whole.slice(0, kept)), complete: false });
    expect(candidate).toEqual({ path: "../a.ts", line: 3, bytes: Buffer.from("foo bar"), start: 4 });
  }
});

test("a record that was cut keeps its path", () => {
  const bytes = Buffer.from('{"type":"match","data":{"path":{"text":"./a\\"b"},"lines":{"text":"aaaaaa');
  expect(readMatchRecord({ bytes, complete: false })).toEqual({ path: './a"b', line: 0, bytes: null, start: 0 });
});

test("other records, and names that are not UTF-8, are not candidates", () => {
  expect(readMatchRecord(record({ type: "end", data: {} }))).toBeNull();
  expect(readMatchRecord(record({ type: "match", data: { ...data, path: { bytes: "/w==" } } }))).toBeNull();
});
