import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { meantTool } from "../turn/loose-call.ts";
import { repairArguments } from "./repair-arguments.ts";
import { toolOffers } from "./run-tool.ts";

const parametersOf = (name: string) =>
  toolOffers.find((offer) => offer.name === name)?.parameters as Parameters<typeof repairArguments>[1];
const repair = (tool: string, args: Record<string, unknown>) => repairArguments(args, parametersOf(tool));

describe("arguments that are right", () => {
  it("are left alone, without a note", () => {
    const args = { pattern: "x", path: "src", case_sensitive: false, max_results: 500, context: 0 };
    expect(repair("grep", args)).toEqual({ args, notes: [] });
  });
});

describe("arguments whose meaning is certain are repaired", () => {
  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ["view_file", { path: "a.ts", start_line: "2", end_line: "10.0" }, { path: "a.ts", start_line: 2, end_line: 10 }],
    [
      "grep",
      { pattern: "x", case_sensitive: "False", fixed_string: 1 },
      { pattern: "x", case_sensitive: false, fixed_string: true },
    ],
    ["grep", { pattern: 404 }, { pattern: "404" }],
    ["grep", { pattern: ["x"] }, { pattern: "x" }],
    ["grep", { pattern: "x", max_results: 1000 }, { pattern: "x", max_results: 500 }],
    ["grep", { pattern: "x", context: "99" }, { pattern: "x", context: 5 }],
    ["view_file", { path: "a.ts", start_line: 0 }, { path: "a.ts", start_line: 1 }],
    ["grep", { query: "x" }, { pattern: "x" }],
    ["view_file", { file_path: "a.ts", startLine: 3 }, { path: "a.ts", start_line: 3 }],
    ["view_file", { "File-Path": "a.ts" }, { path: "a.ts" }],
    ["find_files", { pattern: "*.ts" }, { glob: "*.ts" }],
    ["grep", { query: "x", directory: "src", limit: 5 }, { pattern: "x", path: "src", max_results: 5 }],
    ["view_file", { path: "a.ts", end_line: null }, { path: "a.ts" }],
  ])("%s %j", (tool, given, args) => expect(repair(tool, given).args).toEqual(args));

  it.each([
    '"{\\"pattern\\": \\"x\\"}"',
    '"\\"{\\\\\\"pattern\\\\\\":\\\\\\"x\\\\\\"}\\""',
    '```json\n{"pattern": "x"}\n```',
    '```\n{"pattern": "x",}\n```',
    '{"pattern": "x",}',
    '{"pattern": "x", "path": ".", \n}',
    "{'pattern': 'x'}",
  ])("%s", (_raw) => {
    const { args, notes } = repair("grep", { _raw });
    expect(args).toMatchObject({ pattern: "x" });
    expect(notes).not.toEqual([]);
  });

  it("raw line breaks in a string, and commas in it stay", () => {
    expect(repair("grep", { _raw: '{"pattern": "a,}\n\tb",}' }).args).toEqual({ pattern: "a,}\n\tb" });
  });

  it("each repair is noted", () => {
    expect(repair("grep", { query: "x", max_results: 1000 }).notes).toEqual([
      "query was taken as pattern",
      "max_results was limited to 500",
    ]);
  });
});

describe("arguments whose meaning is not certain are left for the validation", () => {
  it.each<[string, Record<string, unknown>]>([
    ["view_file", { path: "a.ts", start_line: "two" }],
    ["view_file", { path: "a.ts", start_line: 2.5 }],
    ["grep", { pattern: "x", colour: "red" }],
    ["grep", { pattern: "x", query: "y" }],
    ["grep", { pattern: ["x", "y"] }],
    ["grep", { _raw: '{"pattern": "x' }],
    ["grep", { _raw: '["x"]' }],
    ["grep", { _raw: "x" }],
  ])("%s %j", (tool, args) => expect(repair(tool, args)).toEqual({ args, notes: [] }));

  it("never throw, whatever they are", () => {
    const keys = fc.constantFrom("pattern", "query", "path", "file", "max_results", "limit", "context", "_raw", "x");
    fc.assert(
      fc.property(fc.dictionary(keys, fc.jsonValue()), (given) => {
        expect(repair("grep", given).args).toBeTypeOf("object");
      }),
    );
  });
});

describe("a tool's name", () => {
  const tools = ["view_file", "list_dir", "grep", "find_files"] as const;
  it.each([
    ["grep", "grep"],
    ["functions.grep", "grep"],
    ["default_api:grep", "grep"],
    ["default_api.grep", "grep"],
    ["mcp__code__grep", "grep"],
    ["viewFile", "view_file"],
    ["view-file", "view_file"],
    ["ViewFile", "view_file"],
    ["view_file:0", "view_file"],
    ["functions.view_file:3", "view_file"],
    ["grep<|channel|>commentary", "grep"],
    ["functions.grep<|constrain|>json", "grep"],
    ["cat", null],
    ["", null],
    ["grep.find_files", null],
  ])("%s means %s", (name, tool) => expect(meantTool(name, tools)).toBe(tool));
});
