import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { FolderInUseError, type RedisOptions, type Server, startRedis } from "@boocode/backing-services";
import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { inspectProcess } from "../src/process/inspect-process.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const order = ["installed", "extracted", "apt"] as const;

test("a throw-away server requires its password, and its stop leaves no process and no file", async () => {
  const server = await start({ keep: false });
  expect(await ask(server.url, (redis) => redis.config("GET", "maxmemory-policy"))).toEqual([
    "maxmemory-policy",
    "noeviction",
  ]);
  await expect(ask(server.url.replace(/:[^:@]+@/, ":wrong@"), (redis) => redis.ping())).rejects.toThrow();
  const folder = /data in (\S+)/.exec(server.how)![1]!;
  await server.stop();
  expect(inspectProcess(server.pid!)).toBeUndefined();
  expect(existsSync(dirname(folder))).toBe(false);
});

test("kept data survives a stop and start, under the same URL", async () => {
  const dataDir = await temporaryFolder();
  const first = await start({ dataDir, keep: true });
  await ask(first.url, (redis) => redis.set("note", "kept"));
  await first.stop();
  const second = await start({ dataDir, keep: true });
  expect(second.url).toBe(first.url);
  expect(await ask(second.url, (redis) => redis.get("note"))).toBe("kept");
  await second.stop();
});

test("a killed server restarts on the same port, with its data if it is append-only, else empty", async () => {
  for (const appendOnly of [true, false]) {
    const server = await start({ keep: false, appendOnly });
    await ask(server.url, (redis) => redis.set("note", "written"));
    await server.kill("SIGKILL");
    await expect(ask(server.url, (redis) => redis.ping())).rejects.toThrow();
    await server.restart();
    expect(await ask(server.url, (redis) => redis.get("note"))).toBe(appendOnly ? "written" : null);
    await server.stop();
  }
});

test("two concurrent servers share nothing, and a data folder serves one start at a time", async () => {
  const [one, two] = await Promise.all([start({ keep: false }), start({ keep: false })]);
  expect(one.url).not.toBe(two.url);
  await Promise.all([one.stop(), two.stop()]);
  const dataDir = await temporaryFolder();
  const kept = await start({ dataDir, keep: true });
  await expect(start({ dataDir, keep: true })).rejects.toThrow(FolderInUseError);
  await kept.stop();
});

test("without any source, the error says what was tried and what to do", async () => {
  await expect(startRedis({ keep: false, order: [] })).rejects.toThrow(/REDIS_URL[\s\S]*brew install redis/);
});

function start(options: RedisOptions): Promise<Server> {
  return startRedis({ order, ...options });
}

async function ask<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  redis.on("error", () => {});
  try {
    await redis.connect();
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}
