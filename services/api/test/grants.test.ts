import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { API_ERRORS } from "@boocode/contracts";
import { MOST_GRANTS } from "@boocode/store";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Client, dump, newClient, useApi } from "./fixture.ts";

const fixture = useApi();
const outside = realpathSync(mkdtempSync(join(tmpdir(), "boocode-outside-")));
afterAll(() => rmSync(outside, { recursive: true }));

let admin: Client;
let ada: Client;
let bob: Client;
const at = (path: string) => join(fixture.root, path);
const grants = (user: Client) => `/api/admin/users/${user.userId}/grants`;
const grant = (user: Client, path: string) => admin.call("POST", grants(user), { path });
const register = (user: Client, path: string) => user.call("POST", "/api/projects", { name: "p", path });

beforeAll(async () => {
  admin = await newClient(fixture, { role: "admin", scopes: ["admin"], isGranted: false });
  [ada, bob] = [await newClient(fixture, { isGranted: false }), await newClient(fixture, { isGranted: false })];
  for (const folder of ["al/code", "al/caf\u00e9", "alice", "bob/cafe\u0301"])
    mkdirSync(at(folder), { recursive: true });
  symlinkSync(at("al"), at("bob/to-al"));
  symlinkSync(at("al"), at("link-to-al"));
  symlinkSync("/", at("bob/to-all"));
  expect((await grant(ada, at("al"))).status).toBe(201);
  expect((await grant(bob, at("bob"))).status).toBe(201);
});

test("a new user may register nothing, and is told nothing", async () => {
  const nobody = await newClient(fixture, { isGranted: false });
  for (const path of [at(""), at("al"), at("al/missing"), "/", "/etc", "/nowhere", outside, `${outside}/missing`]) {
    const { status, body } = await register(nobody, path);
    expect([path, status, body.error]).toEqual([
      ...[path, 422],
      { code: "path_not_allowed", message: API_ERRORS.path_not_allowed.when },
    ]);
  }
});

test("another user's folder cannot be registered in any way, and each refusal is the same", async () => {
  const before = await dump(fixture);
  for (const path of [
    ...[at("al"), `${at("al")}/`, at("al/code"), at("alice"), at(""), "/", fixture.root.slice(0, -1)],
    ...[`${at("bob")}/../al`, `${at("bob")}/..`, `${at("bob")}/./../al/code/`, `/${at("al")}`, `${at("bob")}//..//al`],
    ...[at("bob/to-al"), `${at("bob/to-al")}/code`, `${at("bob/to-all")}${at("al")}`, at("link-to-al")],
    ...[at("bob2"), at("bo"), at("BOB"), `${at("bob/to-al")}/missing`, at("al/missing"), at("al/caf\u00e9")],
  ]) {
    const { status, body } = await register(bob, path);
    expect([path, status, body.error]).toEqual([
      ...[path, 422],
      { code: "path_not_allowed", message: API_ERRORS.path_not_allowed.when },
    ]);
  }
  expect(await dump(fixture)).toEqual(before);
  expect((await register(bob, at("bob"))).status).toBe(201);
  expect((await register(ada, at("link-to-al/code"))).body.path).toBe(at("al/code"));
});

test("a name in another Unicode form is another name", async () => {
  expect((await register(bob, at("bob/cafe\u0301"))).status).toBe(201);
  expect((await register(bob, at("bob/caf\u00e9"))).body.error.message).toBe(`${at("bob/caf\u00e9")} does not exist`);
  const carol = await newClient(fixture, { isGranted: false });
  await grant(carol, at("al/caf\u00e9"));
  mkdirSync(at("al/cafe\u0301"));
  expect((await register(carol, at("al/cafe\u0301"))).status).toBe(422);
});

test("a symlink is granted as the folder that it leads to now, and nothing follows it later", async () => {
  const user = await newClient(fixture, { isGranted: false });
  mkdirSync(at("releases/1"), { recursive: true });
  symlinkSync(at("releases/1"), at("current"));
  expect((await grant(user, at("current"))).body).toMatchObject({ path: at("releases/1"), granted_by: admin.userId });
  expect((await register(user, at("current"))).body.path).toBe(at("releases/1"));
  // Someone who may write beside a granted folder replaces it, or a folder above it, by a symlink.
  renameSync(at("releases/1"), at("releases/moved"));
  symlinkSync(at("al"), at("releases/1"));
  for (const path of ["releases/1", "releases/1/code", "releases/1/missing", "current", "releases/moved"])
    expect([path, (await register(user, at(path))).body.error?.message]).toEqual([
      ...[path, API_ERRORS.path_not_allowed.when],
    ]);
  renameSync(at("releases"), at("old"));
  symlinkSync(outside, at("releases"));
  // Nothing is looked up at the symlink's target, so that nothing tells what exists there.
  const refused = async () => {
    for (const path of ["releases/1", "releases/1/x", "releases/missing"])
      expect((await register(user, at(path))).body.error?.message).toBe(API_ERRORS.path_not_allowed.when);
  };
  await refused();
  await fixture.pool`insert into grants (user_id, path) values (${user.userId}, ${at("releases")})`;
  await refused();
});

test("only folders within PROJECT_ROOTS are granted, and only real ones", async () => {
  for (const path of ["/", outside, join(fixture.root, ".."), at("bob/to-all"), `${outside}/missing`]) {
    const { status, body } = await grant(bob, path);
    expect([path, status, body.error.message]).toEqual([
      ...[path, 422, "the path is not a directory within PROJECT_ROOTS"],
    ]);
  }
  expect((await grant(bob, at("nowhere"))).body.error.message).toBe(`${at("nowhere")} does not exist`);
  expect((await grant(bob, "relative")).status).toBe(400);
  // A grant outside, for instance from before PROJECT_ROOTS was narrowed, is void.
  await fixture.pool`insert into grants (user_id, path) values (${bob.userId}, ${outside})`;
  expect((await register(bob, outside)).body.error.message).toBe(API_ERRORS.path_not_allowed.when);
});

test("a grant above PROJECT_ROOTS allows what they contain, and nothing else", async () => {
  const user = await newClient(fixture, { isGranted: false });
  await fixture.pool`insert into grants (user_id, path) values (${user.userId}, '/')`;
  expect((await register(user, at("al"))).status).toBe(201);
  for (const path of ["/", outside, "/etc"]) expect((await register(user, path)).status).toBe(422);
});

test("users see where their projects may lie, and nothing of what was granted to others or lies outside PROJECT_ROOTS", async () => {
  const user = await newClient(fixture, { isGranted: false });
  const [row] = await fixture.pool<[{ slug: string }]>`select slug from users where id = ${user.userId}`;
  const own = { path: at(`users/${row.slug}`) };
  mkdirSync(at("users"), { recursive: true });
  const seen = async () => (await user.call("GET", "/api/me/grants")).body.grants;
  expect(await seen()).toEqual([own]);
  const first = (await grant(user, at("bob"))).body;
  await grant(user, at("al"));
  await fixture.pool`insert into grants (user_id, path) values (${user.userId}, ${outside})`;
  expect(await seen()).toEqual([{ path: at("al") }, { path: at("bob") }, own]);
  await admin.call("DELETE", `${grants(user)}/${first.id}`);
  expect(await seen()).toEqual([{ path: at("al") }, own]);
});

test("each user has the folder of its slug below USER_ROOTS, without a grant, and no other", async () => {
  const [user, other] = [
    await newClient(fixture, { isGranted: false }),
    await newClient(fixture, { isGranted: false }),
  ];
  const slugs = await fixture.pool<{ slug: string }[]>`
    select slug from users where id in (${user.userId}, ${other.userId}) order by id = ${other.userId}`;
  const [mine = "", theirs = ""] = slugs.map(({ slug }) => at(`users/${slug}`));
  mkdirSync(at("users"), { recursive: true });
  expect((await register(user, mine)).body.error.message).toBe(`${mine} does not exist`);
  for (const folder of [`${mine}/code`, theirs, `${mine}-and-more`]) mkdirSync(folder, { recursive: true });
  expect((await register(user, `${mine}/code`)).status).toBe(201);
  for (const path of [theirs, at("users"), `${mine}-and-more`, `${mine}/../${theirs.split("/").at(-1)}`])
    expect((await register(user, path)).status).toBe(422);
  rmSync(mine, { recursive: true });
  symlinkSync(at("al"), mine);
  for (const path of [mine, `${mine}/code`]) expect((await register(user, path)).status).toBe(422);
});

test("an administrator lists, grants and takes back; a folder is granted once", async () => {
  const user = await newClient(fixture, { isGranted: false });
  const first = (await grant(user, at("al"))).body;
  expect((await grant(user, `${at("al")}/`)).body).toEqual(first);
  expect((await admin.call("GET", grants(user))).body.grants).toEqual([first]);
  const project = (await register(user, at("al"))).body;
  expect((await admin.call("DELETE", `${grants(bob)}/${first.id}`)).status).toBe(404);
  expect((await admin.call("DELETE", `${grants(user)}/${first.id}`)).status).toBe(204);
  expect((await admin.call("DELETE", `${grants(user)}/${first.id}`)).status).toBe(404);
  expect((await admin.call("GET", grants(user))).body.grants).toEqual([]);
  expect((await register(user, at("al"))).status).toBe(422);
  // The project stays.
  expect((await user.call("GET", `/api/projects/${project.id}`)).body).toEqual(project);
});

test("grants of an unknown user are not found, and a user has at most so many", async () => {
  const unknown = `/api/admin/users/${randomUUID()}/grants`;
  expect((await admin.call("GET", unknown)).status).toBe(404);
  expect((await admin.call("POST", unknown, { path: at("al") })).status).toBe(404);
  expect((await admin.call("DELETE", `${unknown}/${randomUUID()}`)).status).toBe(404);
  const user = await newClient(fixture, { isGranted: false });
  await fixture.pool`
    insert into grants (user_id, path) select ${user.userId}, '/many/' || i from generate_series(1, ${MOST_GRANTS}) i`;
  expect((await grant(user, at("al"))).body.error.code).toBe("too_many_grants");
});

test("only an administrator sees or changes grants", async () => {
  for (const [method, url] of [
    ["GET", grants(ada)],
    ["POST", grants(ada)],
    ["DELETE", `${grants(ada)}/${randomUUID()}`],
  ] as const) {
    expect((await ada.call(method, url, method === "POST" ? { path: at("") } : undefined)).status).toBe(403);
  }
});
