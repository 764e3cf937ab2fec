import { symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeTree, startTools } from "./temp-tree.ts";

async function grepIn(files: Record<string, string | Buffer>, args: Record<string, unknown>) {
  const call = await startTools((await makeTree(files)).root);
  return call("grep", args);
}

test("each match is shown with path, line and text, sorted by path", async () => {
  const files = { "b.txt": "no\nneedle b\n", "a/x.txt": "a needle\n", ".hidden": "needle", ".git/config": "needle" };
  expect((await grepIn(files, { pattern: "needle" })).output).toBe(
    ".hidden:1: needle\na/x.txt:1: a needle\nb.txt:2: needle b",
  );
});

test("context lines surround their match, and a gap separates groups", async () => {
  const files = { "a.txt": "1\n2 x\n3\n4\n5\n6 x\n7 x\n8\n", "b.txt": "x\n" };
  expect((await grepIn(files, { pattern: "x", context: 1 })).output.split("\n")).toEqual([
    ...["a.txt-1- 1", "a.txt:2: 2 x", "a.txt-3- 3", "--", "a.txt-5- 5", "a.txt:6: 6 x", "a.txt:7: 7 x", "a.txt-8- 8"],
    ...["--", "b.txt:1: x"],
  ]);
});

test("ignore files apply without a git repository, at every level, and above the path up to the root", async () => {
  const files = {
    ".gitignore": "*.log\n/top/gen\nnode_modules/\n",
    "top/.gitignore": "/own\n!keep.log\n",
    "top/sub/.ignore": "secret.txt\n",
    "a.log": "x",
    "top/gen/a": "x",
    "top/own": "x",
    "top/sub/own": "x",
    "top/sub/keep.log": "x",
    "top/sub/secret.txt": "x",
    "top/sub/b.log": "x",
    "node_modules/m/a.js": "x",
  };
  const found = "top/sub/keep.log:1: x\ntop/sub/own:1: x";
  const call = await startTools((await makeTree(files)).root);
  expect((await call("grep", { pattern: "^x$" })).output).toBe(found);
  expect((await call("grep", { pattern: "^x$", path: "top/sub" })).output).toBe(found);
  // A glob selects among the files that are not ignored; it does not bring ignored files back.
  expect((await call("grep", { pattern: "^x$", glob: "*.log" })).output).toBe("top/sub/keep.log:1: x");
  expect((await call("grep", { pattern: "^x$", glob: "!*.log" })).output).toBe("top/sub/own:1: x");
  expect((await call("grep", { pattern: "^x$", path: "node_modules/m" })).output).toBe("node_modules/m/a.js:1: x");
  expect((await call("grep", { pattern: "^x$", path: "a.log" })).output).toBe("a.log:1: x");
});

test("an ignore file above the root, or behind a symlink, has no effect", async () => {
  const tree = await makeTree({ "secret-line": "needle", "bad/secret-line": "needle" });
  await writeFile(join(tree.root, "../.gitignore"), "*\n");
  await writeFile(join(tree.outside, "secret.txt"), "secret-line\n[TOP-SECRET\n");
  await symlink(join(tree.outside, "secret.txt"), join(tree.root, ".gitignore"));
  await symlink(join(tree.outside, "secret.txt"), join(tree.root, "bad/.ignore"));
  const call = await startTools(tree.root);
  expect((await call("grep", { pattern: "needle" })).output).toBe("bad/secret-line:1: needle\nsecret-line:1: needle");
});

test("an invalid line of an ignore file is skipped and never quoted", async () => {
  const files = { ".gitignore": "[TOP-SECRET\n*.log\n", "a.log": "x", "b.txt": "y" };
  expect((await grepIn(files, { pattern: "x" })).output).toMatch(/^no matches in the project/);
  expect((await grepIn(files, { pattern: "(" })).output).not.toContain("TOP-SECRET");
});

test("no pattern, path or glob is read as an option of ripgrep", async () => {
  const { root } = await makeTree({ "--pre=touch pwned": "x --pre=touch pwned\n", "-e": "other\n" });
  const call = await startTools(root);
  expect((await call("grep", { pattern: "--pre=touch pwned" })).output).toContain(":1: x --pre");
  expect((await call("grep", { pattern: "other", path: "-e" })).output).toBe("-e:1: other");
  expect((await call("grep", { pattern: "other", glob: "--pre=touch" })).output).toMatch(/^no matches/);
  expect((await call("list_dir", {})).output).toContain("(2 entries)");
});

test("files with unusual names are found, and no name can forge a line", async () => {
  const files = { "new\nline:1: forged": "needle", "a [b]{c}*.txt": "needle", "[x]/y.ts": "needle" };
  const call = await startTools((await makeTree(files)).root);
  const { output } = await call("grep", { pattern: "needle" });
  expect(output.split("\n")).toEqual([
    "[x]/y.ts:1: needle",
    "a [b]{c}*.txt:1: needle",
    '"new\\nline:1: forged":1: needle',
  ]);
  expect((await call("grep", { pattern: "needle", path: "[x]", glob: "./y.ts" })).output).toBe("[x]/y.ts:1: needle");
});

test("case_sensitive and fixed_string have their effect", async () => {
  const files = { "a.txt": "Foo(bar\nfoo(bar\n" };
  expect((await grepIn(files, { pattern: "foo(", fixed_string: true })).output).toBe("a.txt:2: foo(bar");
  expect((await grepIn(files, { pattern: "FOO\\(", case_sensitive: false })).output.split("\n")).toHaveLength(2);
  expect((await grepIn(files, { pattern: "FOO" })).output).toMatch(/^no matches .*case_sensitive: false/);
});

const CODE = {
  "a.ts": [
    ...["function foo(x) {", "const bar = a{name};", "interface Shape {", "if (a[0] == '[') {}", "x++; // TODO: y"],
    ...["  return useState(1);", "  useEffect(() => {});", "aab 123", 'const path = "c:\\\\temp";'],
  ].join("\n"),
};

test.each<[string, string, RegExp]>([
  ["useState\\|useEffect", "6 7", /^\[\\\| is a plain character in Rust syntax, so .* taken as useState\|useEffect\]$/],
  ["use\\(State\\|Effect\\)", "6 7", /taken as use\(State\|Effect\)\]$/],
  ["useState\\(\\|useEffect\\(", "6 7", /taken as useState\\\(\|useEffect\\\(\]$/],
  ["aa[a-z]\\+", "8", /taken as aa\[a-z\]\+/],
  ["/USEstate/i", "6", /slashes are not delimiters here, so .* taken as USEstate/],
  ['"useState"', "6", /quotes are not delimiters here/],
  ["useState\\\\(", "6", /taken as useState\\\(/],
  ["\bfoo\b", "1", /backspace.* taken as \\bfoo\\b/],
  ["interface \\w+ {", "3", /not valid in Rust syntax, so .* taken as interface \\w\+ \\\{/],
  ["a{name}", "2", /taken as a\\\{name\}/],
  ["function foo(", "1", /taken as function foo\\\(/],
  ["foo(x) {", "1", /taken as (foo\(x\) \\\{|plain text)/],
  ["== '[", "4", /taken as/],
  ["[^[]*\\[0", "4", /taken as \[\^\\\[\]\*/],
  ["\\Qx++;\\E", "5", /taken as x\\\+\\\+;/],
  ["*TODO", "", /invalid pattern/],
  ["123\\Z", "8", /taken as 123\$/],
])(
  "the pattern %j in another syntax finds the lines %j, and the output says how it was read",
  async (pattern, numbers, note) => {
    const [first, ...lines] = (await grepIn(CODE, { pattern })).output.split("\n");
    expect(first).toMatch(note);
    if (numbers !== "") expect(lines.map((line) => line.split(":")[1])).toEqual(numbers.split(" "));
  },
);

test("a pattern with matches is never reinterpreted, and the output for one without any says what was tried", async () => {
  const files = { "table.md": "| a | b |\nfoo|bar\nfoo\n" };
  expect((await grepIn(files, { pattern: "foo\\|bar" })).output).toBe("table.md:2: foo|bar");
  expect((await grepIn(files, { pattern: "x\\|y" })).output).toMatch(
    /^no matches in the project \(\\\| is a plain character in Rust syntax, so the pattern was taken as x\|y, without matches either; /,
  );
  expect((await grepIn(files, { pattern: "x|y", fixed_string: true })).output).toContain(
    "fixed_string: false takes it",
  );
  expect((await grepIn(files, { pattern: "foo {" })).result.error).toMatch(/^invalid pattern[\s\S]*taken as foo \\\{/);
});

test("an invalid pattern or glob is reported with ripgrep's message", async () => {
  expect((await grepIn({ a: "" }, { pattern: "(" })).result.error).toContain("unclosed group");
  expect((await grepIn({ a: "" }, { pattern: "(?=a)" })).result.error).toContain("look-around");
  expect((await grepIn({ a: "" }, { pattern: "(\\w{1000}){1000}" })).result.error).toContain("size limit");
  expect((await grepIn({ a: "" }, { pattern: "a\nb" })).result.error).toContain("line by line");
  expect((await grepIn({ a: "" }, { pattern: "a", glob: "{a" })).result.error).toContain("unclosed alternate group");
});

test("CRLF, a byte order mark and bytes that are not UTF-8 are handled", async () => {
  const files = {
    "a.txt": "\uFEFFneedle\r\nneedle\r\n",
    "b.txt": Buffer.concat([Buffer.from("needle caf"), Buffer.from([0xe9, 0x0a])]),
  };
  expect((await grepIn(files, { pattern: "^needle$" })).output).toBe("a.txt:1: needle\na.txt:2: needle");
  expect((await grepIn(files, { pattern: "caf" })).output).toBe(
    "b.txt:1: needle café\n[decoded: b.txt from windows-1252]",
  );
});

test("binary and large files are skipped, and reported when they are the path", async () => {
  const files = { "a.bin": Buffer.from("needle\0\u0001\u0002\u0003\nneedle\n"), "big.txt": "needle\n".repeat(400_000) };
  const call = await startTools((await makeTree(files)).root);
  expect((await call("grep", { pattern: "needle" })).output).toMatch(/^no matches/);
  expect((await call("grep", { pattern: "needle", path: "a.bin" })).result.error).toContain("is binary");
  expect((await call("grep", { pattern: "needle", path: "big.txt" })).result.error).toContain("too large to search");
});

test("a long line is cut around its match, whatever its length and the number of its matches", async () => {
  const files = {
    "a.txt": `${"a".repeat(5000)}NEEDLE${"b".repeat(5000)}\n`,
    "b.txt": `${"c".repeat(700_000)}NEEDLE${"c".repeat(700_000)}\n`,
    "c.txt": `no\n${"d".repeat(1000)}${"NEEDLE ".repeat(250_000)}\n`,
  };
  const lines = (await grepIn(files, { pattern: "NEEDLE" })).output.split("\n");
  expect(lines[0]).toMatch(/^a.txt:1: …a{100}NEEDLEb{194}…$/);
  expect(lines[1]).toMatch(/^b.txt:1: …c{100}NEEDLEc{194}…$/);
  expect(lines[2]).toMatch(/^c.txt:2: …d{100}NEEDLE NEEDLE .*…$/);
});

test("max_results limits the matches, and the output says that there are more", async () => {
  const files = { "a.txt": "x\n".repeat(10), "b.txt": "x\n".repeat(10) };
  const { output, result } = await grepIn(files, { pattern: "x", max_results: 15 });
  expect(output.split("\n")).toHaveLength(16);
  expect(output).toMatch(/\n\[cut: there are more matches; /);
  expect(result.truncated).toBe(true);
  const exact = await grepIn(files, { pattern: "x", max_results: 20 });
  expect(exact.result.truncated).toBe(false);
  expect(exact.output.split("\n")).toHaveLength(20);
});
