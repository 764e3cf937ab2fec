import { execFile, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { testDatabase, testRedis } from "@boocode/backing-services/testing";
import { SessionFrame } from "@boocode/contracts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openEvents } from "../harness/events.ts";
import { createRest } from "../harness/rest.ts";
import { FASTIFY } from "../harness/start-system.ts";
import { isEndOf } from "../harness/turn-end.ts";
import { buildCopy, installService } from "./build-copy.ts";
import { type Running, runImage } from "./run-image.ts";

const SERVICES = ["scripted-model", "api", "worker", "gateway"];
const folder = mkdtempSync(join(tmpdir(), "boocode-build-"));
const built = join(folder, "built");
const image = (name: string) => join(folder, name);
const running = new Map<string, Running>();
const env: Record<string, string> = {};
const releases: (() => unknown)[] = [() => rmSync(folder, { recursive: true })];

beforeAll(async () => {
  const [database, redis] = await Promise.all([testDatabase(), testRedis(), buildCopy(built)]);
  releases.push(database.drop, redis.stop);
  Object.assign(env, { DATABASE_URL: database.url, REDIS_URL: redis.url, PROJECT_ROOTS: FASTIFY });
  await Promise.all(SERVICES.map((name) => installService(built, name, image(name))));
}, 180_000);

afterAll(async () => {
  for (const { process } of running.values()) process.kill("SIGKILL");
  for (const release of releases.reverse()) await release();
});

test("an image contains what its service needs and nothing of the other services", () => {
  expect(readdirSync(join(image("worker"), "services"))).toEqual(["worker"]);
  expect(readdirSync(join(image("worker"), "libs"))).not.toContain("identity");
  expect(readdirSync(join(image("scripted-model"), "libs"))).toEqual(["scripted-model"]);
  expect(existsSync(join(image("worker"), "libs/frame-log/lua/append-frame.lua"))).toBe(true);
  for (const name of SERVICES) {
    const dist = readdirSync(join(image(name), "service/dist"), { recursive: true, encoding: "utf8" });
    expect(dist).toContain("main.js");
    expect(dist.filter((path) => /\.test\.js$|\.ts$|tsbuildinfo$/.test(path))).toEqual([]);
  }
});

test("the built services answer a question about code, without sources and without tsx", async () => {
  const model = await runImage(image("scripted-model"), { PORT: "0" });
  running.set("scripted-model", model);
  for (const name of ["api", "worker", "gateway"]) {
    running.set(name, await runImage(image(name), { ...env, LLAMA_SWAP_URL: model.url }));
  }
  // The token comes from the migrate image's admin.js, which is scripts/admin.ts, built.
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(built, "docker/dist/admin.js"), "user", "add", "ada"],
    { env },
  );
  const token = stdout.trim();
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
    spawnSync(process.execPath, [join(built, "docker/health-check.mjs"), ...path], { env: { PORT: port } }).status;
  for (const [name, { url }] of running) {
    expect(check(new URL(url).port, name === "scripted-model" ? ["/health"] : []), name).toBe(0);
  }
  expect(check("1")).toBe(1);
});

test("each process exits with 0 on SIGTERM", async () => {
  for (const name of SERVICES.toReversed()) {
    expect(await running.get(name)?.stop(), name).toBe(0);
    running.delete(name);
  }
});
