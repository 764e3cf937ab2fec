import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createToolCallAssembler } from "./assemble-tool-calls.ts";
import { decodeEvent } from "./decode-chunk.ts";

interface Made {
  name: string;
  /** JSON, in pieces. */
  pieces: string[];
}
type Delta = Record<string, unknown>;

const said = fc.dictionary(fc.string({ maxLength: 3 }), fc.oneof(fc.string({ maxLength: 6 }), fc.integer()), {
  maxKeys: 3,
});
const made: fc.Arbitrary<Made> = fc
  .tuple(fc.constantFrom("grep", "read", "read_file", "now"), said, fc.array(fc.nat(40), { maxLength: 5 }))
  .map(([name, args, cuts]) => {
    const text = JSON.stringify(args);
    const places = [0, ...cuts.map((cut) => Math.min(cut, text.length)).sort((a, b) => a - b), text.length];
    return { name, pieces: places.slice(1).map((place, at) => text.slice(places[at], place)) };
  });

const delta = (keys: Delta, name?: unknown, text?: unknown): Delta => ({
  ...keys,
  function: { ...(name !== undefined && { name }), ...(text !== undefined && { arguments: text }) },
});
const whole = ({ pieces }: Made) => pieces.join("");

/** The shapes in which servers send one call, each captured from a real server. */
const SHAPES: Record<string, (call: Made, at: number) => Delta[]> = {
  "OpenAI, llama.cpp: a header, then pieces by index": ({ name, pieces }, index) => [
    delta({ index, id: `c${index}`, type: "function" }, name, ""),
    ...pieces.map((text) => delta({ index }, undefined, text)),
  ],
  "gateways: indexes that start at 1 and leave some out": ({ name, pieces }, at) => [
    delta({ index: at * 3 + 1, id: `c${at}` }, name),
    ...pieces.map((text) => delta({ index: at * 3 + 1, id: null, type: null }, null, text)),
  ],
  "Ollama: whole, and the index is 0": (call, at) => [delta({ index: 0, id: `c${at}` }, call.name, whole(call))],
  "Mistral: whole, without an index": (call, at) => [delta({ id: `c${at}` }, call.name, whole(call))],
  "Gemini: whole, without id and index": (call) => [delta({ id: "" }, call.name, whole(call))],
  "Gemini: whole, without an id, and the index is 0": (call) => [delta({ index: 0 }, call.name, whole(call))],
  "SGLang, LiteLLM: the id on every piece, and the index is 0": ({ name, pieces }, at) => [
    delta({ index: 0, id: `${at}` }, name, ""),
    ...pieces.map((text) => delta({ index: 0, id: `${at}` }, null, text)),
  ],
  "lmdeploy, DashScope: an empty id on later pieces, and the index is 0": ({ name, pieces }, at) => [
    delta({ index: 0, id: `c${at}` }, name, null),
    ...pieces.map((text) => delta({ index: 0, id: "" }, "", text)),
  ],
  "LiteLLM with OCI: a new id on every piece, and the index is 0": ({ name, pieces }, at) => [
    delta({ index: 0, id: `c${at}` }, name, ""),
    ...pieces.map((text, piece) => delta({ index: 0, id: `noise${at}-${piece}` }, "", text)),
  ],
  "old llama.cpp: the name on every piece, and the id inside the function": ({ name, pieces }, index) =>
    pieces.map((text, piece) => ({
      index,
      function: { name, arguments: text, ...(piece === 0 && { id: `c${index}` }) },
    })),
  "llama.cpp: the name again, longer": ({ name, pieces }, index) => [
    delta({ index, id: `c${index}` }, name.slice(0, 3)),
    delta({ index, id: `c${index}` }, name),
    ...pieces.map((text) => delta({ index }, undefined, text)),
  ],
  "Gemini proxies: the name in pieces": ({ name, pieces }, index) => [
    delta({ index, id: `c${index}` }, name.slice(0, 2), ""),
    delta({ index }, name.slice(2)),
    ...pieces.map((text) => delta({ index }, "", text)),
  ],
  "a name that comes late": ({ name, pieces }, index) => [
    delta({ index, id: `c${index}` }, "", ""),
    delta({ index }, name),
    ...pieces.map((text) => delta({ index }, undefined, text)),
  ],
  "neither id nor index after the header": ({ name, pieces }, at) => [
    delta({ id: `c${at}` }, name, ""),
    ...pieces.map((text) => delta({}, undefined, text)),
  ],
  "LiteLLM: an object": (call, index) => [delta({ index, id: `c${index}` }, call.name, JSON.parse(whole(call)))],
  "the whole call again at the end": (call, index) => [
    delta({ index, id: `c${index}` }, call.name, whole(call)),
    delta({ index, id: `c${index}` }, call.name, whole(call)),
    delta({ index }, undefined, ""),
  ],
};

function assemble(deltas: Delta[]) {
  const assembler = createToolCallAssembler();
  let ids = 0;
  for (const one of deltas) {
    for (const chunk of decodeEvent(JSON.stringify({ choices: [{ index: 0, delta: { tool_calls: [one] } }] })))
      if (chunk.kind === "facts") for (const call of chunk.facts.toolCalls) assembler.add(call);
  }
  return assembler.finish(() => `new${ids++}`, false);
}

const expected = (calls: Made[]) => calls.map((call) => ({ name: call.name, arguments: JSON.parse(whole(call)) }));

describe("calls are assembled whole, each with its own id, as sent by", () => {
  for (const [shape, tell] of Object.entries(SHAPES)) {
    it(shape, () => {
      fc.assert(
        fc.property(fc.array(made, { minLength: 1, maxLength: 4 }), (calls) => {
          const got = assemble(calls.flatMap(tell));
          expect(got.map(({ name, arguments: args }) => ({ name, arguments: args }))).toEqual(expected(calls));
          expect(new Set(got.map(({ id }) => id)).size).toBe(calls.length);
        }),
      );
    });
  }

  it("a server that interleaves the pieces of its calls", () => {
    const tell = SHAPES["OpenAI, llama.cpp: a header, then pieces by index"]!;
    fc.assert(
      fc.property(fc.array(made, { minLength: 2, maxLength: 4 }), fc.infiniteStream(fc.nat()), (calls, turns) => {
        const left = calls.map(tell);
        // Headers in order, because calls are ordered by their first appearance.
        const deltas = left.map((queue) => queue.shift() as Delta);
        for (let open = left.filter(({ length }) => length > 0); open.length > 0; ) {
          const turn: number = turns.next().value ?? 0;
          deltas.push(open[turn % open.length]?.shift() as Delta);
          open = open.filter(({ length }) => length > 0);
        }
        const got = assemble(deltas).map(({ name, arguments: args }) => ({ name, arguments: args }));
        expect(got).toEqual(expected(calls));
      }),
    );
  });
});
