import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { detectEncoding } from "../src/project/detect-encoding.ts";
import { makeTree, startTools } from "./temp-tree.ts";

/** The encoding, a text, a word of it, and the text as encoded by iconv, in hexadecimal. */
const TEXTS: [string, string, string, string][] = [
  [
    "GBK",
    "// 计算两个数的和\nint add(int a, int b);\n",
    "计算",
    "2f2f20bcc6cbe3c1bdb8f6cafdb5c4bacd0a696e742061646428696e7420612c20696e742062293b0a",
  ],
  ["GBK", "int x; // 测试\nreturn 1;", "测试", "696e7420783b202f2f20b2e2cad40a72657475726e20313b"],
  ["Big5", "// 計算總和\nint add(int a) {}\n", "總和", "2f2f20ad70bae2c160a94d0a696e742061646428696e74206129207b7d0a"],
  [
    "Shift_JIS",
    "// テスト\nint add(int a); // 合計\n",
    "合計",
    "2f2f208365835883670a696e742061646428696e742061293b202f2f208d878c760a",
  ],
  [
    "EUC-JP",
    "// 合計を計算する\nint add(int a);\n",
    "計算",
    "2f2f20b9e7b7d7a4f2b7d7bbbba4b9a4eb0a696e742061646428696e742061293b0a",
  ],
  [
    "EUC-KR",
    "// 합계를 계산한다\nint add(int a);\n",
    "계산",
    "2f2f20c7d5b0e8b8a620b0e8bbeac7d1b4d90a696e742061646428696e742061293b0a",
  ],
  [
    "windows-1251",
    "// вычислить сумму\nint add(int a);\n",
    "сумму",
    "2f2f20e2fbf7e8f1ebe8f2fc20f1f3ececf30a696e742061646428696e742061293b0a",
  ],
  [
    "KOI8-R",
    "// вычислить сумму\nint add(int a);\n",
    "сумму",
    "2f2f20d7d9dec9d3ccc9d4d820d3d5cdcdd50a696e742061646428696e742061293b0a",
  ],
  [
    "windows-1252",
    "// die Größe\nint x; // Français: déjà, élève\n",
    "Größe",
    "2f2f20646965204772f6df650a696e7420783b202f2f204672616ee76169733a2064e96ae02c20e96ce876650a",
  ],
  [
    "windows-1250",
    "// příliš žluťoučký kůň\nint x;",
    "kůň",
    "2f2f2070f8ed6c699a209e6c759d6f75e86bfd206bf9f20a696e7420783b",
  ],
  [
    "windows-1253",
    "// Η συνάρτηση υπολογίζει το άθροισμα\n",
    "άθροισμα",
    "2f2f20c720f3f5eddcf1f4e7f3e720f5f0efebefe3dfe6e5e920f4ef20dce8f1efe9f3ece10a",
  ],
  [
    "UTF-16LE",
    "Hello, wörld\r\nsecond line\r\n",
    "wörld",
    "480065006c006c006f002c0020007700f60072006c0064000d000a007300650063006f006e00640020006c0069006e0065000d000a00",
  ],
  [
    "UTF-16BE",
    "Hello, wörld\nsecond line\n",
    "wörld",
    "00480065006c006c006f002c0020007700f60072006c0064000a007300650063006f006e00640020006c0069006e0065000a",
  ],
  [
    "UTF-16LE",
    "// 计算两个数的和\nint x;\n",
    "计算",
    "2f002f002000a18b977b244e2a4e706584768c540a0069006e007400200078003b000a00",
  ],
  [
    "UTF-16LE",
    "Привет, мир\nвторая строка\n",
    "мир",
    "1f04400438043204350442042c0020003c04380440040a00320442043e04400430044f0420004104420440043e043a0430040a00",
  ],
  [
    "Shift_JIS",
    "// ファイルが見つかりません\nint x;",
    "見つかり",
    "2f2f20837483408343838b82aa8ca982c282a982e882dc82b982f10a696e7420783b",
  ],
  ["IBM866", "// Ошибка чтения файла\n", "чтения", "2f2f208ee8a8a1aaa020e7e2a5ada8ef20e4a0a9aba00a"],
  [
    "windows-1252",
    "const tolerance = 5; // 10µs ± 5°\n",
    "10µs ± 5°",
    "636f6e737420746f6c6572616e6365203d20353b202f2f203130b57320b12035b00a",
  ],
  [
    "windows-1252",
    "// it’s a “quoted” price: 50 €\n",
    "“quoted” price: 50 €",
    "2f2f20697492732061209371756f746564942070726963653a20353020800a",
  ],
];

test.each(TEXTS)("grep and view_file decode %s: %j", async (encoding, text, word, hex) => {
  const files = { "a.txt": "first\n", "b.txt": Buffer.from(hex, "hex"), "c.txt": `${word}\n` };
  const call = await startTools((await makeTree(files)).root);
  const lines = text.split(/\r?\n/);
  const line = lines.findIndex((candidate) => candidate.includes(word));
  const found = `b.txt:${line + 1}: ${lines[line]}`;
  expect((await call("grep", { pattern: word })).output).toBe(
    `${found}\nc.txt:1: ${word}\n[decoded: b.txt from ${encoding}]`,
  );
  expect((await call("grep", { pattern: word, path: "b.txt" })).output).toContain(found);
  expect((await call("grep", { pattern: word, glob: "b.*" })).output).toContain(found);
  const viewed = (await call("view_file", { path: "b.txt" })).output;
  expect(viewed).toContain(`, decoded from ${encoding})`);
  expect(viewed).toContain(`\t${lines[line]}`);
});

test.each([
  ["UTF-16LE", "fffe610020007700f60072006c0064000a0062000a00"],
  ["UTF-16BE", "feff00610020007700f60072006c0064000a0062000a"],
])("a byte order mark for %s is obeyed", async (encoding, hex) => {
  const call = await startTools((await makeTree({ "a.txt": Buffer.from(hex, "hex") })).root);
  expect((await call("grep", { pattern: "^a w.rld$", context: 1 })).output).toBe(
    `a.txt:1: a wörld\na.txt-2- b\n[decoded: a.txt from ${encoding}]`,
  );
  expect((await call("view_file", { path: "a.txt" })).output).toContain("(lines 1-2 of 2, decoded from");
});

test("NUL in a text file hides no matches", async () => {
  const files = {
    "late.txt": `FIRST\n${"x".repeat(160_000)}\0`,
    "lines.txt": `${"some text\n".repeat(500)}SECOND\0THIRD\n${"more text\n".repeat(500)}FOURTH\n`,
    "real.bin": Buffer.concat([Buffer.from("FIRST\n\0\0\0\0"), Buffer.alloc(100, 0xff)]),
  };
  const call = await startTools((await makeTree(files)).root);
  expect((await call("grep", { pattern: "FIRST" })).output).toBe("late.txt:1: FIRST");
  expect((await call("grep", { pattern: "FIRST", path: "late.txt" })).output).toBe("late.txt:1: FIRST");
  const found = (await call("grep", { pattern: "SECOND|FOURTH" })).output;
  expect(found).toMatch(/^lines.txt:501: SECOND.?THIRD\nlines.txt:1002: FOURTH$/);
  expect((await call("view_file", { path: "lines.txt", start_line: 501, end_line: 501 })).output).toContain("SECOND");
  expect((await call("grep", { pattern: "FIFTH" })).output).toContain("binary files that were not searched: 1");
});

test.each(["needle\n\0", "\0needle\n", "needle\0x\n", "a\0needle", "größe needle\0\n"])(
  "a NUL in a small text does not make it UTF-16: %j",
  async (text) => {
    const call = await startTools((await makeTree({ "a.txt": text })).root);
    expect((await call("grep", { pattern: "needle" })).output).toMatch(/^a\.txt:1: .*needle[^[]*$/);
  },
);

test("matches in all encodings are sorted by path, and those in UTF-8 take precedence when there are too many", async () => {
  const gbk = Buffer.concat([Buffer.from("bcc6cbe3", "hex"), Buffer.from(" needle\n")]);
  const files = { "a.txt": gbk, "a/z.txt": "needle\n", "b.txt": "needle\n", "c.txt": gbk, "d.txt": "needle\n" };
  const call = await startTools((await makeTree(files)).root);
  const found = async (max_results: number) => {
    const { output } = await call("grep", { pattern: "needle", max_results });
    return output.split("\n").map((line) => line.slice(0, 5));
  };
  expect(await found(5)).toEqual(["a/z.t", "a.txt", "b.txt", "c.txt", "d.txt", "[deco"]);
  expect(await found(4)).toEqual(["a/z.t", "a.txt", "b.txt", "d.txt", "[deco", "[cut:"]);
  expect(await found(2)).toEqual(["a/z.t", "b.txt", "[cut:"]);
});

test("an ignored file in another encoding stays ignored, even with a glob that matches it", async () => {
  const hex = TEXTS[0]?.[3] ?? "";
  const { root } = await makeTree({ ".gitignore": "*.log\n", "a.log": Buffer.from(hex, "hex") });
  const call = await startTools(root);
  expect((await call("grep", { pattern: "计算", glob: "*.log" })).output).toMatch(/^no matches/);
  await writeFile(join(root, ".gitignore"), "");
  expect((await call("grep", { pattern: "计算", glob: "*.log" })).output).toMatch(/^a.log:1/);
});

test("broken UTF-8 stays UTF-8, and the beginning of a file may end within a character", async () => {
  const text = Buffer.from("größer, schöner, weiter über alle Straßen");
  expect(await detectEncoding(Buffer.concat([text, Buffer.from([0xff])]), true)).toBe("UTF-8");
  const few = [Buffer.from("größe "), Buffer.from([0xff]), Buffer.from("\n")];
  expect(await detectEncoding(Buffer.concat(few), true)).toBe("UTF-8");
  const cut = Buffer.from("ä😀");
  for (let end = 0; end <= cut.length; end++) expect(await detectEncoding(cut.subarray(0, end), false)).toBe("UTF-8");
  expect(await detectEncoding(Buffer.from("caf\xe9", "latin1"), true)).toBe("windows-1252");
});
