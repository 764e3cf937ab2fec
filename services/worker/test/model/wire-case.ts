import { readdirSync, readFileSync } from "node:fs";
import type { Expectation } from "./expect-case.ts";

type Write = string | { b64: string } | { text: string; delayMs?: number } | { seq: (string | Filling)[] };
interface Filling {
  fill: string;
  count: number;
}

/** One recorded response, byte for byte, and the expected result. */
export interface WireCase {
  id: string;
  model: string;
  note: string;
  status: number;
  headers: Record<string, string>;
  /** Each is one write to the socket. */
  chunks: Write[];
  appendIntervalMs?: number;
  /** `fin`: closed without the last HTTP chunk; `hang`: left open. */
  end: "end" | "fin" | "reset" | "hang";
  endpoints?: { props?: unknown; propsStatus?: number; modelsEntry?: object; ps?: object; show?: object };
  expect: { must: Expectation; should: Expectation };
}

const FOLDER = new URL("./fixtures/wire/", import.meta.url);

/** All cases. */
export function wireCases(): WireCase[] {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));
  return names.map((name) => JSON.parse(readFileSync(new URL(name, FOLDER), "utf8")));
}

/** The whole body, in one piece. */
export function bodyOf(wire: WireCase): Buffer {
  return Buffer.concat(wire.chunks.map(bytesOf));
}

export function bytesOf(write: Write): Buffer {
  if (typeof write === "string") return Buffer.from(write);
  if ("b64" in write) return Buffer.from(write.b64, "base64");
  if ("text" in write) return Buffer.from(write.text);
  return Buffer.concat(
    write.seq.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.alloc(part.count, part.fill))),
  );
}
