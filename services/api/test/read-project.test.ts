import { EventEmitter } from "node:events";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { hashLines } from "@boocode/project-tools/citations";
import { changeUser } from "@boocode/store";
import type { FastifyRequest } from "fastify";
import { beforeAll, expect, test } from "vitest";
import { type Deps, setCaller } from "../src/deps.ts";
import { readOfProject } from "../src/read-project.ts";
import { type Client, newClient, useApi } from "./fixture.ts";

const fixture = useApi();
let client: Client;
let id: string;

const FILES: Record<string, string | Buffer> = {
  "src/a.ts": "one\r\ntwo\nthree\n",
  "src/Main.ts": "x\n",
  "lib/main.test.ts": "x\n",
  "main/other.ts": "x\n",
  ".gitignore": "ignored\n",
  "ignored/main.ts": "x\n",
  "empty.txt": "",
  "binary.bin": Buffer.from([0, 1, 2, 255, 0, 3]),
  "utf16.txt": Buffer.from("\ufefferste\nzweite\n", "utf16le"),
  "marked.txt": "\ufefffirst\n",
  "long.txt": `short\n${"é".repeat(20_000)}\nend\n`,
  "many.txt": "0123456789\n".repeat(3_000),
  "edge.txt": `${"x".repeat(16_384)}\r\n${"x".repeat(16_385)}\r\n`,
  "wide.txt": `${"w".repeat(15_000)}\n`.repeat(100),
  ".env": "PASSWORD=hunter2\n",
  ".ssh/config": "hunter2\n",
};

beforeAll(async () => {
  client = await newClient(fixture);
  const root = join(fixture.root, "code");
  for (const [path, content] of Object.entries(FILES)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  writeFileSync(join(fixture.root, "outside.txt"), "outside\n");
  symlinkSync("../outside.txt", join(root, "out"));
  symlinkSync("a.ts", join(root, "src/link.ts"));
  symlinkSync("../.env", join(root, "src/settings"));
  id = (await client.call("POST", "/api/projects", { name: "code", path: root })).body.id;
});

const file = (query: string) => client.call("GET", `/api/projects/${id}/file?${query}`);
const tree = (query = "") => client.call("GET", `/api/projects/${id}/tree?${query}`);
const codeOf = ({ status, body }: { status: number; body: { error?: { code: string } } }) => [status, body.error?.code];

test("a part of a file has its lines, what there is of the file, and the hash that evidence has", async () => {
  const { status, body, headers } = await file("path=src/a.ts&first=2&last=3");
  expect(status).toBe(200);
  expect(body).toEqual({
    ...{ path: "src/a.ts", size: 15, encoding: "UTF-8", byte_order_mark: false, total_lines: 3, first: 2, last: 3 },
    ...{ lines: ["two", "three"], cut_lines: [], has_more: false, hash: hashLines(["two", "three"]) },
  });
  expect(headers["content-type"]).toBe("application/json; charset=utf-8");
  expect(headers["x-content-type-options"]).toBe("nosniff");
});

test.each([
  ["path=src/link.ts&last=1", { path: "src/a.ts", lines: ["one"], has_more: true, total_lines: 3 }],
  ["path=empty.txt", { lines: [], first: 1, last: 0, total_lines: 0, encoding: "UTF-8" }],
  ["path=src/a.ts&first=9", { lines: [], first: 9, last: 8, total_lines: 3, has_more: false }],
  ["path=utf16.txt", { lines: ["erste", "zweite"], encoding: "UTF-16LE", byte_order_mark: true }],
  ["path=marked.txt", { lines: ["first"], encoding: "UTF-8", byte_order_mark: true }],
  ["path=many.txt", { first: 1, last: 2_000, total_lines: 3_000, has_more: true }],
  ["path=many.txt&first=2500&last=99999", { first: 2_500, last: 3_000, has_more: false }],
])("%s answers %o", async (query, expected) => {
  expect((await file(query)).body).toMatchObject(expected);
});

test("the hash of lines that are gone is not that of an empty line", async () => {
  expect((await file("path=src/a.ts&first=9")).body.hash).not.toBe(hashLines([""]));
});

test("the end of a long line is left out and stated, and an answer has at most 1 MB", async () => {
  const { body } = await file("path=long.txt");
  expect(body.cut_lines).toEqual([{ number: 2, bytes: 40_000 }]);
  expect(body.lines.map((line: string) => line.length)).toEqual([5, 8_192, 3]);
  // A line break is no part of a line.
  expect((await file("path=edge.txt")).body.cut_lines).toEqual([{ number: 2, bytes: 16_386 }]);
  const wide = await file("path=wide.txt");
  expect(wide.body).toMatchObject({ total_lines: 100, has_more: true });
  expect(wide.body.lines.length).toBe(wide.body.last);
  expect(JSON.stringify(wide.body).length).toBeLessThan(1_000_000);
  expect(JSON.stringify(wide.body).length).toBeGreaterThan(900_000);
});

test.each([
  ["path=nothing.ts", 404, "path_not_found"],
  ["path=src/a.ts/x", 404, "path_not_found"],
  ["path=../outside.txt", 404, "path_not_found"],
  ["path=/etc/passwd", 404, "path_not_found"],
  ["path=out", 404, "path_not_found"],
  ["path=src", 422, "not_a_file"],
  ["path=binary.bin", 422, "file_binary"],
  ["path=.env", 403, "path_withheld"],
  ["path=src/settings", 403, "path_withheld"],
  ["path=src/a.ts&first=3&last=2", 400, "invalid_request"],
  ["path=src/a.ts&first=0", 400, "invalid_request"],
  ["path=a%00b", 400, "invalid_request"],
  ["", 400, "invalid_request"],
])("%s is refused with %i %s", async (query, status, code) => {
  expect(codeOf(await file(query))).toEqual([status, code]);
});

test("a folder is listed in pages, without what is withheld, and with what is ignored", async () => {
  const { body } = await tree();
  expect(body.entries.map(({ name }: { name: string }) => name)).toEqual(
    [...new Set(Object.keys(FILES).map((path) => path.split("/")[0])), "out"]
      .filter((name) => name !== ".env" && name !== ".ssh")
      .sort(),
  );
  expect(body).toMatchObject({ path: ".", complete: true, has_more: false, next_after: null });
  const named = (name: string) => body.entries.find((entry: { name: string }) => entry.name === name);
  expect(named("src")).toEqual({ name: "src", type: "folder", size: null, target: null });
  expect(named("empty.txt")).toEqual({ name: "empty.txt", type: "file", size: 0, target: null });
  expect(named("out")).toEqual({ name: "out", type: "symlink", size: null, target: "../outside.txt" });
  expect((await tree("path=src")).body.entries.map(({ name }: { name: string }) => name)).toEqual([
    "Main.ts",
    "a.ts",
    "link.ts",
  ]);
  expect((await tree("path=.ssh")).body.entries).toEqual([]);

  const paged: string[] = [];
  for (let after: string | null = ""; after !== null; ) {
    const page = await tree(`limit=2${after && `&after=${after}`}`);
    expect(page.body.entries.length).toBeLessThanOrEqual(2);
    paged.push(...page.body.entries.map(({ name }: { name: string }) => name));
    after = page.body.next_after;
  }
  expect(paged).toEqual(body.entries.map(({ name }: { name: string }) => name));
});

test.each([
  ["path=nothing", 404, "path_not_found"],
  ["path=..", 404, "path_not_found"],
  ["path=src/a.ts", 422, "not_a_folder"],
  ["limit=0", 400, "invalid_request"],
  ["after=*", 400, "invalid_request"],
])("a folder with %s is refused with %i %s", async (query, status, code) => {
  expect(codeOf(await tree(query))).toEqual([status, code]);
});

test("files are found by a part of their path, those first whose name begins with it; none that is ignored or withheld", async () => {
  const find = async (query: string) => (await client.call("GET", `/api/projects/${id}/files?${query}`)).body;
  const all = ["src/Main.ts", "lib/main.test.ts", "main/other.ts"];
  expect(await find("q=MAIN")).toEqual({ files: all, has_more: false });
  expect(await find("q=main&limit=1")).toEqual({ files: all.slice(0, 1), has_more: true });
  expect(await find("q=lib/m")).toEqual({ files: all.slice(1, 2), has_more: false });
  for (const q of ["env", "config", "outside", "*"]) expect((await find(`q=${q}`)).files).toEqual([]);
});

test("without the grant, or without the folder, every read answers project_unavailable", async () => {
  const other = await newClient(fixture);
  const path = join(fixture.root, "gone");
  mkdirSync(path);
  writeFileSync(join(path, "a.txt"), "a\n");
  const { body } = await other.call("POST", "/api/projects", { name: "gone", path });
  const ask = (what: string) => other.call("GET", `/api/projects/${body.id}/${what}`);
  const reads = ["file?path=a.txt", "tree", "files?q=a"];
  for (const read of reads) expect((await ask(read)).status).toBe(200);
  await fixture.pool`delete from grants where user_id = ${other.userId}`;
  for (const read of reads) expect(codeOf(await ask(read))).toEqual([409, "project_unavailable"]);
  rmSync(join(fixture.root, "code", "empty.txt"));
  expect(codeOf(await file("path=empty.txt"))).toEqual([404, "path_not_found"]);
  rmSync(join(fixture.root, "code"), { recursive: true });
  expect(codeOf(await file("path=src/a.ts"))).toEqual([409, "project_unavailable"]);
});

test("a read whose client is gone before it begins ends at once", async () => {
  const request = {} as FastifyRequest;
  setCaller(request, { userId: client.userId } as Parameters<typeof setCaller>[1]);
  const raw = Object.assign(new EventEmitter(), { destroyed: true });
  const signals: AbortSignal[] = [];
  const readProject = async (...[, , , signal]: Parameters<Deps["readProject"]>) => {
    signals.push(signal);
    return { refused: "busy" } as never;
  };
  const asked = [request, { raw } as never] as [FastifyRequest, never];
  const work = { kind: "names", text: "a", limit: 1 } as const;
  await expect(readOfProject({ pool: fixture.pool, readProject }, asked, id, work)).rejects.toThrow();
  expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
});

test("reads have a limit of their own", async () => {
  const other = await newClient(fixture);
  await changeUser(fixture.pool, "operator", other.userId, { limits: { reads_per_minute: 1 } });
  const ask = (what: string) => other.call("GET", `/api/projects${what}`);
  const answers = [await ask(`/${id}/tree`), await ask(`/${id}/files?q=a`), await ask("")];
  expect(answers.map(({ status }) => status)).toEqual([404, 429, 200]);
  expect(answers[1]?.body.error.message).toContain("reads of the files and folders of projects");
});
