import { execFile, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createDatabase, repositoryRoot } from "@boocode/backing-services";
import { testRedis } from "@boocode/backing-services/testing";
import { SessionFrame } from "@boocode/contracts";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { openEvents } from "../harness/events.ts";
import { createRest } from "../harness/rest.ts";
import { FASTIFY } from "../harness/start-system.ts";
import { isEndOf } from "../harness/turn-end.ts";
import { assembleImage, type Running, runImage } from "./run-image.ts";

const SERVICES = {
  "scripted-model": "libs/scripted-model",
  api: "services/api",
  worker: "services/worker",
  gateway: "services/gateway",
};
const folder = mkdtempSync(join(tmpdir(), "boocode-build-"));
const image = (name: string) => join(folder, name);
const running = new Map<string, Running>();
const env: Record<string, string> = {};
let owner: string;
const releases: (() => unknown)[] = [() => rmSync(folder, { recursive: true })];

beforeAll(async () => {
  const [database, redis] = await Promise.all([createDatabase(inject("postgresUrl")), testRedis()]);
  releases.push(database.drop, redis.stop);
  owner = database.url;
  const services = Object.assign(new URL(inject("servicesUrl")), { pathname: new URL(owner).pathname }).href;
  Object.assign(env, {
    DATABASE_URL: services,
    REQUIRE_LEAST_PRIVILEGE: "1",
    REDIS_URL: redis.url,
    PROJECT_ROOTS: FASTIFY,
  });
  for (const [name, manifest] of Object.entries(SERVICES)) assembleImage(image(name), name, manifest);
  for (const name of ["admin", "migrate"]) cpSync(join(repositoryRoot, "dist", name), image(name), { recursive: true });
});

afterAll(async () => {
  for (const { process } of running.values()) process.kill("SIGKILL");
  for (const release of releases.reverse()) await release();
});

test("an image contains a program, the files that it reads, and the packages that are not in its bundle", () => {
  for (const name of Object.keys(SERVICES)) {
    const files = readdirSync(join(image(name), "service"));
    expect(files, name).toContain("main.mjs");
    expect(files.filter((file) => file.endsWith(".ts"))).toEqual([]);
    if (name !== "scripted-model") expect(files, name).toContain("watchdog-thread.mjs");
  }
  expect(readdirSync(join(image("worker"), "service"))).toEqual(
    expect.arrayContaining(["append-frame.lua", "slot.lua"]),
  );
  expect(readdirSync(join(image("worker"), "node_modules"))).toEqual(["@vscode", "jschardet"]);
  expect(readdirSync(join(image("api"), "node_modules"))).toEqual(expect.arrayContaining(["@vscode", "jschardet"]));
});

test("the built services answer a question about code, without sources and without tsx", async () => {
  // As in the migrate image, in whose folder is a copy of `migrations`.
  const migrated = await promisify(execFile)(process.execPath, [join(image("migrate"), "main.mjs")], {
    cwd: repositoryRoot,
    env: { ...env, MIGRATION_DATABASE_URL: owner },
  });
  expect(migrated.stdout).toMatch(/Applied 0001_initial\.sql[\s\S]*up to date/);
  const model = await runImage(image("scripted-model"), { PORT: "0" });
  running.set("scripted-model", model);
  for (const name of ["api", "worker", "gateway"]) {
    running.set(name, await runImage(image(name), { ...env, LLAMA_SWAP_URL: model.url }));
  }
  // As in the migrate image.
  const admin = (...args: string[]) =>
    promisify(execFile)(process.execPath, [join(image("admin"), "main.mjs"), ...args], { env });
  const token = (await admin("user", "add", "ada")).stdout.trim();
  await admin("root", "grant", "ada", FASTIFY);
  const rest = createRest(() => running.get("api")?.url ?? "", token);
  const session = await rest.session((await rest.project(FASTIFY)).id);
  const stream = await openEvents(`${running.get("gateway")?.url}/api/sessions/${session.id}/events`, {
    authorization: `Bearer ${token}`,
  });
  const { turn_id } = await rest.post(session.id, "Where is a route's schema compiled?");
  await stream.until(({ data }) => isEndOf(turn_id)(SessionFrame.parse(JSON.parse(data))));
  stream.close();
  const { messages } = await rest.messages(session.id);
  expect(messages.filter(({ role }) => role === "tool").length).toBeGreaterThan(0);
  expect(messages.at(-1)).toMatchObject({ role: "assistant", status: "complete" });
  expect(await (await fetch(`${model.url}/__violations`)).json()).toEqual([]);
  expect(messages.at(-1)?.content).toMatch(/`lib\/[\w-]+\.js:\d+`/);
});

test("a container's health check agrees with the service's health", () => {
  const check = (port: string, path: string[] = []) =>
    spawnSync(process.execPath, [join(repositoryRoot, "docker/health-check.mjs"), ...path], { env: { PORT: port } })
      .status;
  for (const [name, { url }] of running) {
    expect(check(new URL(url).port, name === "scripted-model" ? ["/health"] : []), name).toBe(0);
  }
  expect(check("1")).toBe(1);
});

test("each process exits with 0 on SIGTERM", async () => {
  for (const name of Object.keys(SERVICES).toReversed()) {
    expect(await running.get(name)?.stop(), name).toBe(0);
    running.delete(name);
  }
});
