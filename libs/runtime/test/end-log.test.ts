import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const program = fileURLToPath(new URL("./last-words.ts", import.meta.url));

async function start() {
  const args = ["--import", "tsx", program];
  const env = { ...process.env, LOG_LEVEL: "warn" };
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], env });
  const exited = once(child, "exit");
  await once(child.stderr, "data");
  return { child, exited };
}

test("a process exits even though nobody reads its log any more", async () => {
  const { child, exited } = await start();
  child.stdout.destroy();
  await once(child.stdout, "close");
  child.kill("SIGTERM");
  expect(await exited).toEqual([0, null]);
});

test("a process exits even though the reader of its log has stalled", async () => {
  const { child, exited } = await start();
  child.stdout.pause();
  child.kill("SIGTERM");
  expect(await exited).toEqual([0, null]);
  child.stdout.destroy();
});

test("a reader gets the last log lines completely", async () => {
  const { child, exited } = await start();
  let text = "";
  child.stdout.on("data", (bytes) => {
    text += bytes;
  });
  const closed = once(child.stdout, "close");
  child.kill("SIGTERM");
  expect(await exited).toEqual([0, null]);
  await closed;
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).line as number);
  expect(lines).toEqual(Array.from({ length: 100 }, (_, line) => line));
});
