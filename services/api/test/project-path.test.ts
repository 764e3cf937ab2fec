import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Client, dump, newClient, useApi } from "./fixture.ts";

const fixture = useApi();
const outside = realpathSync(mkdtempSync(join(tmpdir(), "boocode-outside-")));
afterAll(() => rmSync(outside, { recursive: true }));

let me: Client;

beforeAll(async () => {
  me = await newClient(fixture);
  mkdirSync(join(fixture.root, "code/deep"), { recursive: true });
  writeFileSync(join(fixture.root, "file"), "");
  execFileSync("mkfifo", [join(fixture.root, "fifo")]);
  symlinkSync(outside, join(fixture.root, "way-out"));
  symlinkSync(join(fixture.root, "code"), join(fixture.root, "way-in"));
  symlinkSync("loop", join(fixture.root, "loop"));
  symlinkSync("/nowhere/at/all", join(fixture.root, "dangling"));
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
])("a project at %j is refused and not stored", async (path) => {
  const before = await dump(fixture);
  const answer = await create(`${fixture.root}/${path}`);
  expect([answer.status, answer.body.error.code]).toEqual([422, "path_not_allowed"]);
  expect(await dump(fixture)).toEqual(before);
});

test("a path outside the roots gets the same error whether it exists or not", async () => {
  const answers = [];
  for (const path of ["/", "/etc", outside, `${outside}/missing`, "/etc/passwd", `${fixture.root}-and-more`]) {
    answers.push(await create(path));
  }
  for (const answer of answers) expect([answer.status, answer.body]).toEqual([422, answers[0]?.body]);
});

test.each(["code", "./code", "~/code", "", "file:///tmp", "\\code"])(
  "%j is refused: it is not an absolute path",
  async (path) => {
    const answer = await create(path);
    expect([answer.status, answer.body.error.code]).toEqual([400, "invalid_request"]);
  },
);

test("a project gets the real path of its folder, whichever path the request gave", async () => {
  const real = join(fixture.root, "code");
  for (const path of [real, `${real}/`, `${real}/../code`, `${real}//deep/..`, join(fixture.root, "way-in")]) {
    expect(await create(path)).toMatchObject({ status: 201, body: { path: real } });
  }
  expect((await create(fixture.root)).status).toBe(201);
});
