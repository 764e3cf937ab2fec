import { startPostgres, startRedis } from "@boocode/backing-services";

/** Runs as a separate process: starts both servers with the options in argv, prints them, and waits to be stopped. */
const { dataDir, keep } = JSON.parse(process.argv[2]!) as { dataDir: string; keep: boolean };
const [postgres, redis] = await Promise.all([
  startPostgres({ dataDir, keep, durability: "test", order: ["installed", "embedded"] }),
  startRedis({ dataDir, keep, order: ["installed", "extracted", "apt"] }),
]);
const described = [postgres, redis].map(({ url, pid, how }) => ({ url, pid, how }));
console.log(JSON.stringify({ uid: process.getuid?.(), postgres: described[0], redis: described[1] }));
process.stdin.resume();
process.stdin.once("end", async () => {
  await Promise.all([postgres.stop(), redis.stop()]);
});
