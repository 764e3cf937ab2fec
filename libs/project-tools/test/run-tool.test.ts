import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { toolOffers } from "../src/run-tool.ts";
import { makeTree, startTools } from "./temp-tree.ts";

test("the schema and texts of every tool are what all model servers accept", () => {
  expect(toolOffers.map(({ name }) => name)).toEqual(["view_file", "list_dir", "grep", "find_files"]);
  for (const { description, purpose, parameters } of toolOffers) {
    expect(purpose).toMatch(/^to [a-z][^.,]*$/);
    expect(description.length).toBeLessThanOrEqual(1024);
    expect(Object.keys(parameters)).toEqual(["type", "properties", "required"]);
    const properties = parameters.properties as Record<string, Record<string, unknown>>;
    expect(Object.keys(properties)).toEqual(expect.arrayContaining(parameters.required as string[]));
    for (const property of Object.values(properties)) {
      expect(["string", "integer", "boolean"]).toContain(property.type);
      expect(property.description).toMatch(/^.{5,1024}$/);
      expect(Object.keys(property)).not.toContain("pattern");
    }
  }
});

test("a call of an unknown tool is answered with the known tools", async () => {
  const call = await startTools((await makeTree({})).root);
  const { output, result } = await call("shell", {});
  expect(output).toBe(`unknown tool: shell (known: ${toolOffers.map(({ name: known }) => known).join(", ")})`);
  expect(result).toEqual({ tool_call_id: "call-1", name: "shell", truncated: false, error: output });
});

test("every error of the arguments is reported", async () => {
  const call = await startTools((await makeTree({})).root);
  const { output } = await call("view_file", { start_line: "one", end_line: 2.5, colour: "red" });
  expect(output).toMatch(/^invalid input: /);
  for (const word of ["path is required", "start_line: expected number", "end_line: ", 'unknown argument "colour"']) {
    expect(output).toContain(word);
  }
  expect((await call("grep", { _raw: '{"pattern": ' })).output).toMatch(
    /^invalid input: the arguments were not a JSON object/,
  );
  expect((await call("grep", { pattern: "a\0b" })).output).toContain("NUL");
  expect((await call("view_file", { path: "a\0b" })).output).toContain("NUL");
});

test("a null argument counts as left out", async () => {
  const call = await startTools((await makeTree({ "a.txt": "one\n" })).root);
  expect((await call("view_file", { path: "a.txt", start_line: null })).result.error).toBeNull();
  expect((await call("view_file", { path: null })).output).toContain("path is required");
});

test("a call written for another assistant's tools runs, and its output begins with what was changed", async () => {
  const { root } = await makeTree({ "src/a.ts": "one\ntwo\nthree\n", "src/b.js": "two\n" });
  const call = await startTools(root);
  const { output, result } = await call("functions.read_file", {
    file_path: "src/a.ts",
    offset: 2,
    limit: 1,
    explanation: "?",
  });
  expect(result).toMatchObject({ name: "functions.read_file", error: null });
  expect(output.split("\n")).toEqual([
    "[the tool functions.read_file was taken as view_file; file_path was taken as path; offset was taken as start_line; " +
      "limit was taken as a number of lines; explanation was ignored]",
    "src/a.ts (lines 2-2 of 3)",
    "     2\ttwo",
    "[more: continue with start_line=3]",
  ]);
  const searched = await call("Grep", {
    _raw: "{'regex': 'TWO', '-i': True, 'include': ['*.ts', '*.tsx'], 'path': '/src'}",
  });
  expect(searched.output.split("\n").slice(1)).toEqual(["src/a.ts:2: two"]);
  const whole = await call("view_file", { path: "src/a.ts", start_line: 2, end_line: -1 });
  expect(whole.output).toMatch(/^src\/a\.ts \(lines 2-3 of 3\)\n.*\n.*three$/);
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`-${"_".repeat(index)}a`, 1]));
  const noted = await call("grep", { ...many, pattern: "two" });
  expect(noted.output.split("\n").slice(1)[0]).toMatch(/^src\/a\.ts/);
  expect(noted.output.length).toBeLessThan(1500);
});

test("outputs are within the limit and contain nothing that Postgres rejects", async () => {
  const lines = Array.from({ length: 300 }, (_, index) => `${index} ${"ä".repeat(40)}`);
  const files = Object.fromEntries(lines.map((line) => [`dir/${line}`, line]));
  const { root } = await makeTree({ ...files, "a.txt": `${"x".repeat(9000)}\n\0\uD800ä needle\n${lines.join("\n")}` });
  const call = await startTools(root, { limits: { outputBytes: 4000 } });
  const calls = [
    ["view_file", { path: "a.txt" }],
    ["list_dir", { path: "dir" }],
    ["grep", { pattern: "ä" }],
    ["find_files", { glob: "*" }],
  ] as const;
  expect(calls.map(([name]) => name)).toEqual(toolOffers.map(({ name }) => name));
  for (const [name, args] of calls) {
    const { output, result } = await call(name, args);
    expect(Buffer.byteLength(output), name).toBeLessThanOrEqual(4000);
    expect(Buffer.byteLength(output), name).toBeGreaterThan(3000);
    expect(result, name).toMatchObject({ truncated: true, error: null });
    expect(output, name).toMatch(/\[cut: .*(continue with|narrow)/);
    expect(output, name).not.toContain("\0");
  }
  const failed = await call("view_file", { path: "é".repeat(3000) });
  expect(Buffer.byteLength(failed.output)).toBeLessThanOrEqual(4000);
  expect(failed.result.error).toBe(failed.output);
});

test("a call fails when it times out", async () => {
  const { root } = await makeTree({});
  await writeFile(join(root, "huge.txt"), "x".repeat(10_000));
  // The file is sparse: it uses no disk, and reading it to its end would take longer than the test may.
  await truncate(join(root, "huge.txt"), 2 ** 40);
  const call = await startTools(root, { limits: { timeoutMs: 50 } });
  const { output, result } = await call("view_file", { path: "huge.txt", start_line: 2 });
  expect(output).toMatch(/^timed out after 0.05 s/);
  expect(result.error).toBe(output);
});

test("an aborted call rejects with the signal's reason", async () => {
  const { root } = await makeTree({});
  await writeFile(join(root, "huge.txt"), "x".repeat(10_000));
  await truncate(join(root, "huge.txt"), 2 ** 40);
  const call = await startTools(root);
  const controller = new AbortController();
  const running = call("view_file", { path: "huge.txt", start_line: 2 }, controller.signal);
  controller.abort(new Error("the user cancelled"));
  await expect(running).rejects.toThrow("the user cancelled");
  for (const name of ["view_file", "nonsense"]) {
    await expect(call(name, { path: "huge.txt" }, controller.signal)).rejects.toThrow("the user cancelled");
  }
});
