import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { API_ERRORS } from "@boocode/contracts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkProjectPath } from "../src/check-project-path.ts";
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

test("a path inside a granted folder is refused with the reason", async () => {
  const { root } = fixture;
  symlinkSync(join(root, "code/gone"), join(root, "stale"));
  symlinkSync("code/deep/../../way-in", join(root, "up-and-in"));
  symlinkSync(`${outside}/missing`, join(root, "way-to-missing"));
  const { body } = await create("/etc");
  expect(body.error.message).toBe(API_ERRORS.path_not_allowed.when);
  for (const [path, message] of [
    ["missing", `${root}/missing does not exist`],
    ["missing/deeper/../x", `${root}/missing does not exist`],
    ["way-in/x", `${root}/code/x does not exist`],
    ["up-and-in/x", `${root}/code/x does not exist`],
    ["stale/x", `${root}/code/gone does not exist`],
    ["file", `${root}/file is not a directory`],
    ["fifo", `${root}/fifo is not a directory`],
    ["file/x", `${root}/file is not a directory`],
    ["code/deep/../../file/x", `${root}/file is not a directory`],
    // The target of a symlink out of the root is not revealed, not even whether it exists.
    ["way-out", body.error.message],
    ["way-out/x", body.error.message],
    ["way-to-missing", body.error.message],
    ["way-to-missing/x", body.error.message],
    ["dangling", body.error.message],
    ["loop", body.error.message],
  ]) {
    expect([path, (await create(`${root}/${path}`)).body.error.message]).toEqual([path, message]);
  }
});

test("a folder that the API's user may not read is refused at registration, with the reason", async () => {
  const { root } = fixture;
  mkdirSync(join(root, "shut/project"), { recursive: true });
  symlinkSync(join(root, "shut/project"), join(root, "way-to-shut"));
  chmodSync(root, 0o755);
  // root may read everything, so the requests run as nobody.
  const isRoot = process.geteuid?.() === 0;
  const refused = async (path: string, mode: number) => {
    chmodSync(join(root, "shut"), mode);
    if (isRoot) process.seteuid?.(65_534);
    try {
      const { status, body } = await create(join(root, path));
      return [status, body.error?.code, body.error?.message];
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  };
  const message = `the service may not read ${root}/shut; give it permission to read and search that directory`;
  const unreadable = [422, "path_unreadable", message];
  for (const mode of [0o000, 0o111, 0o444]) expect(await refused("shut", mode)).toEqual(unreadable);
  for (const path of ["shut/project", "shut/project/deeper", "way-to-shut", "shut/missing"]) {
    expect([path, await refused(path, 0o444)]).toEqual([path, unreadable]);
  }
  expect(await refused("shut/project", 0o111)).toEqual([201, undefined, undefined]);
  expect(await refused("shut", 0o755)).toEqual([201, undefined, undefined]);
});

test("a missing granted folder is named in the error", async () => {
  const gone = join(fixture.root, "gone");
  for (const path of [gone, `${gone}/x`]) {
    const refused = await checkProjectPath(path, [gone]).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "path_not_allowed", message: `${gone} does not exist` });
  }
});

test("a path outside the granted folders gets the same error whether it exists or not", async () => {
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
