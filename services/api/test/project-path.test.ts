import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Client, dump, newClient, useApi } from "./stage.ts";

const stage = useApi();
const outside = realpathSync(mkdtempSync(join(tmpdir(), "boocode-outside-")));
afterAll(() => rmSync(outside, { recursive: true }));

let me: Client;

beforeAll(async () => {
  me = await newClient(stage);
  mkdirSync(join(stage.root, "code/deep"), { recursive: true });
  writeFileSync(join(stage.root, "file"), "");
  execFileSync("mkfifo", [join(stage.root, "fifo")]);
  symlinkSync(outside, join(stage.root, "way-out"));
  symlinkSync(join(stage.root, "code"), join(stage.root, "way-in"));
  symlinkSync("loop", join(stage.root, "loop"));
  symlinkSync("/nowhere/at/all", join(stage.root, "dangling"));
});

const create = (path: string) => me.call("POST", "/api/projects", { name: "p", path });

test.each([
  "missing",
  "file",
  "fifo",
  "way-out",
  "loop",
  "dangling",
  "file/x",
  "..",
  "code/../..",
  "code/\0",
  "x".repeat(300),
])("a project at %j is refused, and nothing is stored", async (path) => {
  const before = await dump(stage);
  const answer = await create(`${stage.root}/${path}`);
  expect([answer.status, answer.body.error.code]).toEqual([422, "path_not_allowed"]);
  expect(await dump(stage)).toEqual(before);
});

test("what lies outside is refused in the same words, whether it is there or not", async () => {
  const answers = [];
  for (const path of ["/", "/etc", outside, `${outside}/missing`, "/etc/passwd", `${stage.root}-and-more`]) {
    answers.push(await create(path));
  }
  for (const answer of answers) expect([answer.status, answer.body]).toEqual([422, answers[0]?.body]);
});

test.each(["code", "./code", "~/code", "", "file:///tmp", "\\code"])("%j is no absolute path", async (path) => {
  const answer = await create(path);
  expect([answer.status, answer.body.error.code]).toEqual([400, "invalid_request"]);
});

test("a folder under a root is taken under its real path, whatever way led to it", async () => {
  const real = join(stage.root, "code");
  for (const path of [real, `${real}/`, `${real}/../code`, `${real}//deep/..`, join(stage.root, "way-in")]) {
    expect(await create(path)).toMatchObject({ status: 201, body: { path: real } });
  }
  expect((await create(stage.root)).status).toBe(201);
});
