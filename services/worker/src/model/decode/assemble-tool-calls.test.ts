import { describe, expect, it } from "vitest";
import { createToolCallAssembler } from "./assemble-tool-calls.ts";
import { decodeEvent } from "./decode-chunk.ts";

type Raw = Record<string, unknown>;

/** Each element is one entry of `delta.tool_calls`, as received. */
function assemble(raw: Raw[], cutShort = false) {
  const assembler = createToolCallAssembler();
  for (const call of raw) {
    const event = JSON.stringify({ id: "c", choices: [{ index: 0, delta: { tool_calls: [call] } }] });
    for (const chunk of decodeEvent(event))
      if (chunk.kind === "facts") for (const delta of chunk.facts.toolCalls) assembler.add(delta);
  }
  let given = 0;
  return assembler.finish(() => `new${++given}`, cutShort);
}

const call = (id: unknown, index: unknown, name: unknown, text: unknown): Raw => ({
  id,
  index,
  type: "function",
  function: { name, arguments: text },
});
const brief = (raw: Raw[]) => assemble(raw).map(({ id, name, arguments: text }) => [id, name, text]);

describe("createToolCallAssembler", () => {
  it("follows interleaved indexes, even if they are sparse or start at 1", () => {
    const raw = [call("a", 1, "f", ""), call("b", 5, "g", ""), call(null, 1, null, '{"x":'), call(null, 5, null, "{}")];
    expect(brief([...raw, call(null, 1, null, "1}")])).toEqual([
      ["a", "f", { x: 1 }],
      ["b", "g", {}],
    ]);
  });

  it("follows interleaved ids when there is no index, even an id inside `function`", () => {
    const inner = { function: { id: "a", name: "f", arguments: "" } };
    const raw = [inner, call("b", null, "g", ""), call("a", null, null, '{"x":'), call("b", null, null, "{}")];
    expect(brief([...raw, call("a", null, null, "1}")])).toEqual([
      ["a", "f", { x: 1 }],
      ["b", "g", {}],
    ]);
  });

  it("reads indexes that are written as text", () => {
    const raw = [call("a", "0", "f", ""), call("b", "1", "g", ""), call(null, "0", null, '{"x":1}')];
    expect(brief(raw)).toEqual([
      ["a", "f", { x: 1 }],
      ["b", "g", {}],
    ]);
  });

  it("separates calls whose indexes are all 0", () => {
    const raw = [call("a", 0, "f", '{"x":1}'), call("b", 0, "f", '{"x":2}')];
    expect(brief(raw)).toEqual([
      ["a", "f", { x: 1 }],
      ["b", "f", { x: 2 }],
    ]);
  });

  it("separates calls that have neither id nor index, or no id and the index 0", () => {
    for (const index of [null, undefined, 0]) {
      const raw = [call("", index, "f", '{"x":1}'), call(undefined, index, "g", '{"x":2}')];
      expect(brief(raw)).toEqual([
        ["new1", "f", { x: 1 }],
        ["new2", "g", { x: 2 }],
      ]);
    }
  });

  it("appends a fragment with an unknown index, no id and no name to the latest call", () => {
    expect(brief([call("a", 0, "f", '{"x":'), call(null, 3, null, "1}")])).toEqual([["a", "f", { x: 1 }]]);
  });

  it("joins fragments that each have a new id into one call, and keeps the first id", () => {
    const raw = [call("a", 0, "f", ""), call("b", 0, "", '{"x":'), call("c", 0, "", "1}"), call("d", 0, "", "")];
    expect(brief(raw)).toEqual([["a", "f", { x: 1 }]]);
  });

  it("follows ids that are repeated on every fragment while the index stays 0", () => {
    const raw = [call("0", 0, "f", ""), call("0", 0, null, '{"x":'), call("0", 0, null, "1}")];
    const other = [call("1", 0, "f", ""), call("1", 0, "", "{}")];
    expect(brief([...raw, ...other])).toEqual([
      ["0", "f", { x: 1 }],
      ["1", "f", {}],
    ]);
  });

  it("reads a name that grows, repeats, is split, or comes late", () => {
    expect(brief([call("a", 0, "read", ""), call("a", 0, "read_file", "{}")])).toEqual([["a", "read_file", {}]]);
    expect(brief([call("a", 0, "f", '{"x'), call(null, 0, "f", '":1}')])).toEqual([["a", "f", { x: 1 }]]);
    expect(brief([call("a", 0, "edit_ex", ""), call(null, 0, "isting", "{}")])).toEqual([["a", "edit_existing", {}]]);
    expect(brief([call("a", 0, null, ""), call(null, 0, "f", "{}")])).toEqual([["a", "f", {}]]);
  });

  it("ignores a repeated whole call, and keeps two different calls that share an id", () => {
    expect(brief([call("a", 0, "f", '{"x":1}'), call("a", 0, "f", '{"x":1}')])).toEqual([["a", "f", { x: 1 }]]);
    expect(brief([call("a", 0, "f", '{"x":1}'), call("a", 0, "f", '{"x":2}')])).toEqual([
      ["a", "f", { x: 1 }],
      ["new1", "f", { x: 2 }],
    ]);
  });

  it("keeps arguments that are not a JSON object, and reads an empty text as no arguments", () => {
    const said = (text: unknown) => assemble([call("a", 0, "f", text)])[0]?.arguments;
    expect([said(null), said(""), said("null"), said({ x: [1] })]).toEqual([{}, {}, {}, { x: [1] }]);
    expect([said('{"x":1}}'), said("[1]"), said([1])]).toEqual([
      { _raw: '{"x":1}}' },
      { _raw: "[1]" },
      { _raw: "[1]" },
    ]);
  });

  it("ignores an empty object when argument text follows", () => {
    expect(brief([call("a", 0, "f", {}), call(null, 0, null, '{"x":1}')])).toEqual([["a", "f", { x: 1 }]]);
  });

  it("creates no call from an empty entry", () => {
    const assembler = createToolCallAssembler();
    assembler.add({ id: null, index: 0, name: null, arguments: null, extra: {} });
    expect([assembler.begun, assembler.finish(() => "new", false)]).toEqual([false, []]);
  });

  it("does not treat incomplete arguments of a stopped model as no arguments", () => {
    expect(assemble([call("a", 0, "f", ""), call("b", 1, "g", "")], true).map((made) => made.arguments)).toEqual([
      {},
      { _raw: "" },
    ]);
  });

  it("joins an emoji that was split inside its escape, and drops what Postgres rejects", () => {
    expect(brief([call("a", 0, "f", '{"x":"\\ud83d'), call(null, 0, null, '\\ude80\\u0000"}')])).toEqual([
      ["a", "f", { x: "🚀" }],
    ]);
  });

  it("keeps unknown keys", () => {
    const signed = { ...call("a", 0, "f", "{}"), extra_content: { google: { thought_signature: "s" } } };
    expect(assemble([signed])[0]?.extra).toEqual({ extra_content: { google: { thought_signature: "s" } } });
  });
});
