import { chmod, chown } from "node:fs/promises";
import { repositoryRoot, startPostgres, startRedis } from "@boocode/backing-services";
import { expect, test } from "vitest";
import { waitUntilGone } from "../src/process/end-process.ts";
import { inspectProcess } from "../src/process/inspect-process.ts";
import { canEnter } from "../src/process/system-user.ts";
import { endHolder, killHolder, spawnHolder } from "./spawn-holder.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const redisOrder = ["installed", "extracted", "apt"] as const;

test("servers with kept data survive a killed start, and the next start adopts them", async () => {
  const dataDir = await temporaryFolder();
  await chmod(dataDir, 0o755);
  const held = await spawnHolder({ dataDir, keep: true });
  await killHolder(held);
  const postgres = await startPostgres({ dataDir, keep: true, order: ["installed", "embedded"] });
  const redis = await startRedis({ dataDir, keep: true, order: redisOrder });
  expect([postgres.pid, postgres.url]).toEqual([held.postgres.pid, held.postgres.url]);
  expect([redis.pid, redis.url]).toEqual([held.redis.pid, held.redis.url]);
  await Promise.all([postgres.stop(), redis.stop()]);
  expect([held.postgres.pid, held.redis.pid].map(inspectProcess)).toEqual([undefined, undefined]);
});

test("throw-away servers stop with their process, even when it is killed", async () => {
  const held = await spawnHolder({ dataDir: await temporaryFolder(), keep: false });
  await killHolder(held);
  expect(await waitUntilGone(held.postgres.pid, 10_000)).toBe(true);
  expect(await waitUntilGone(held.redis.pid, 10_000)).toBe(true);
});

test("an unprivileged user starts and stops both servers", async ({ skip }) => {
  const dataDir = await temporaryFolder();
  const nobody = process.getuid?.() === 0 ? 65_534 : undefined;
  if (nobody !== undefined) {
    skip(!canEnter(repositoryRoot, { uid: nobody, gid: nobody }), "this checkout is closed to ordinary users");
    await chown(dataDir, nobody, nobody);
  }
  const held = await spawnHolder({ dataDir, keep: true }, nobody);
  expect(held.uid).not.toBe(0);
  await endHolder(held);
  expect([held.postgres.pid, held.redis.pid].map(inspectProcess)).toEqual([undefined, undefined]);
});
