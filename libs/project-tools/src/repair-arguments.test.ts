import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { foreignTool } from "./argument-names.ts";
import { meantTool } from "./calls/meant-tool.ts";
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

  // Calls as models write them for other assistants' tools.
  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ["view_file", { filePath: "a", offset: 10, limit: 5 }, { path: "a", start_line: 10, end_line: 14 }],
    ["view_file", { file: "a", limit: "20" }, { path: "a", end_line: 20 }],
    ["view_file", { path: "a", view_range: [3, 9] }, { path: "a", start_line: 3, end_line: 9 }],
    ["view_file", { path: "a", view_range: [3, -1] }, { path: "a", start_line: 3, end_line: -1 }],
    ["view_file", { path: "a", lines: "3-9" }, { path: "a", start_line: 3, end_line: 9 }],
    ["view_file", { path: "a", line_range: { start: 3, end: 9 } }, { path: "a", start_line: 3, end_line: 9 }],
    ["view_file", { path: "a", start: "L3", end: "line 9" }, { path: "a", start_line: 3, end_line: 9 }],
    ["view_file", { path: "a", end_line: "end" }, { path: "a", end_line: -1 }],
    ["view_file", { path: "a", end_line: -7 }, { path: "a", end_line: -1 }],
    ["view_file", { path: "a", start_line: "", end_line: "null" }, { path: "a" }],
    [
      "view_file",
      { path: "a", start_line: 1e30, end_line: "1e3" },
      { path: "a", start_line: 2 ** 53 - 1, end_line: 1000 },
    ],
    ["view_file", { path: ["a"], start_line: [2] }, { path: "a", start_line: 2 }],
    ["view_file", { path: { path: "a" }, start_line: { value: "2" } }, { path: "a", start_line: 2 }],
    [
      "view_file",
      { target_file: "a", should_read_entire_file: false, start_line_one_indexed: 2, explanation: "why" },
      { path: "a", start_line: 2 },
    ],
    ["view_file", { paths: ["a"], reason: "why" }, { path: "a" }],
    ["grep", { pattern: "x", "-i": true, "-n": true }, { pattern: "x", case_sensitive: false }],
    ["view_file", { path: "a", start_line: "3-9" }, { path: "a", start_line: 3, end_line: 9 }],
    ["view_file", { path: "a", start_line: [3, 9] }, { path: "a", start_line: 3, end_line: 9 }],
    ["grep", { pattern: "x", offset: 0, page: 1 }, { pattern: "x" }],
    ["find_files", { glob: "x", type: "file" }, { glob: "x" }],
    ["grep", { pattern: "x", type: "rust", multiline: false }, { pattern: "x", glob: "*.rs" }],
    ["grep", { pattern: "x", type: "ts" }, { pattern: "x", glob: "*.{ts,tsx,mts,cts}" }],
    ["grep", { pattern: "x", respect_git_ignore: false }, { pattern: "x", include_ignored: true }],
    ["grep", { pattern: "x", "-A": 2, "-B": "3" }, { pattern: "x", context: 3 }],
    ["grep", { pattern: "x", ignore_case: "true" }, { pattern: "x", case_sensitive: false }],
    [
      "grep",
      { query: "x", isRegexp: false, includePattern: "*.ts" },
      { pattern: "x", fixed_string: true, glob: "*.ts" },
    ],
    ["grep", { regex: "x", file_pattern: "*.ts" }, { pattern: "x", glob: "*.ts" }],
    ["grep", { pattern: "x", query: "x" }, { pattern: "x" }],
    ["grep", { pattern: "x", paths: ["a", "b"] }, { pattern: "x", path: "a,b" }],
    ["grep", { pattern: "x", include: ["*.ts", "*.js"] }, { pattern: "x", glob: "*.ts,*.js" }],
    ["grep", { pattern: "x", include: "*.ts", exclude: ["a", "!b"] }, { pattern: "x", glob: "*.ts,!a,!b" }],
    ["grep", { pattern: "x", exclude_pattern: "*.{a,b},c" }, { pattern: "x", glob: "!*.{a,b},!c" }],
    ["grep", { pattern: "x", extensions: ["ts", ".js"] }, { pattern: "x", glob: "*.ts,*.js" }],
    [
      "grep",
      { pattern: "x", case_sensitive: "yes", max_results: "all" },
      { pattern: "x", case_sensitive: true, max_results: 500 },
    ],
    ["grep", { pattern: "null", path: "", glob: "None" }, { pattern: "null" }],
    ["grep", { pattern: "x", exclude: [], filters: {}, colour: "" }, { pattern: "x" }],
    ["grep", { arguments: { pattern: "x" } }, { pattern: "x" }],
    ["grep", { name: "grep", parameters: '{"pattern": "x"}' }, { pattern: "x" }],
    ["grep", { input: { args: { pattern: "x" } } }, { pattern: "x" }],
    ["find_files", { filename: "a.ts", dir: "src" }, { glob: "a.ts", path: "src" }],
    ["find_files", { query: ["*.ts", "*.js"] }, { glob: "*.ts,*.js" }],
    ["find_files", { name: "a.ts" }, { glob: "a.ts" }],
    ["list_dir", { relative_workspace_path: "src", recursive: false }, { path: "src" }],
    ["list_dir", { path: ".", start: 5 }, { path: ".", offset: 5 }],
  ])("of another tool: %s %j", (tool, given, args) => {
    const repaired = repair(tool, given);
    expect(repaired.args).toEqual(args);
  });

  it.each([
    "{'pattern': 'x', 'case_sensitive': True}",
    '{pattern: "x"}',
    "{“pattern”: “x”}",
    '{"pattern": "x"} Searching now.',
    'json\n{"pattern": "x"}',
    '[{"pattern": "x"}]',
    '{"name": "grep", "arguments": {"pattern": "x"}}',
    '{"name": "grep", "arguments": "{\\"pattern\\": \\"x\\"}"}',
  ])("malformed JSON: %s", (_raw) => expect(repair("grep", { _raw }).args).toMatchObject({ pattern: "x" }));

  it.each([
    '"{\\"pattern\\": \\"x\\"}"',
    '"\\"{\\\\\\"pattern\\\\\\":\\\\\\"x\\\\\\"}\\""',
    '```json\n{"pattern": "x"}\n```',
    '```\n{"pattern": "x",}\n```',
    '{"pattern": "x",}',
    '{"pattern": "x", "path": ".", \n}',
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
    ["grep", { pattern: { toString: "x" }, case_sensitive: { toString: "x" } }],
    ["grep", { _raw: '{"pattern": "x"}{"pattern": "y"}' }],
    ["grep", { pattern: { a: 1, b: 2 } }],
    ["grep", { pattern: "x", arguments: { path: "y" } }],
    ["view_file", { path: ["a", "b"] }],
    ["view_file", { path: "a", start_line: true }],
    ["view_file", { path: "a", file: "b" }],
    ["list_dir", { path: "a", pattern: "b" }],
    ["grep", { pattern: "x", offset: 20 }],
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
    ["functions_view_file", "view_file"],
    ["functions_grep_0", "grep"],
    [" grep()", "grep"],
    ["grep<|channel|>commentary", "grep"],
    ["functions.grep<|constrain|>json", "grep"],
    ["cat", null],
    ["", null],
    ["grep.find_files", null],
  ])("%s means %s", (name, tool) => expect(meantTool(name, tools)).toBe(tool));
});

describe("the name of another assistant's tool", () => {
  it.each([
    ["read_file", "view_file"],
    ["functions.ReadFile", "view_file"],
    ["list_directory", "list_dir"],
    ["grep_search", "grep"],
    ["default_api.search_file_content", "grep"],
    ["Glob", "find_files"],
    ["write_file", null],
    ["search", null],
    ["shell", null],
  ])("%s means %s", (name, tool) => expect(foreignTool(name)).toBe(tool));
});
