import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const MAIN = fileURLToPath(new URL("../../../dist/scripted-model/main.mjs", import.meta.url));

function start(env: Record<string, string>) {
  return spawn(process.execPath, [MAIN], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

test("the process prints its URL, serves, and exits cleanly on SIGTERM while a stream is open", async () => {
  const child = start({});
  const exited = once(child, "exit");
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  const { url } = JSON.parse(line) as { url: string };
  expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: "ok" });
  const messages = [{ role: "user", content: "u" }];
  const open = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "slow", stream: true, messages }),
  });
  child.kill("SIGTERM");
  await expect(open.text()).rejects.toThrow();
  expect(await exited).toEqual([0, null]);
}, 20_000);

test("the Ctrl-C of a terminal does not end a model that another process has started; SIGTERM does", async () => {
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env.PATH },
    stdio: ["ignore", "pipe", "ignore", "ipc"],
  });
  const exited = once(child, "exit");
  const output = child.stdout;
  if (!output) throw new Error("no output");
  const [line] = (await once(createInterface(output), "line")) as [string];
  const { url } = JSON.parse(line) as { url: string };
  child.kill("SIGINT");
  // Signals arrive in order: a model that SIGINT ended would serve no request after it.
  for (let asked = 0; asked < 20; asked++) expect((await fetch(`${url}/health`)).status).toBe(200);
  child.kill("SIGTERM");
  expect(await exited).toEqual([0, null]);
}, 20_000);

test("an invalid environment variable is reported by name", async () => {
  const child = start({ PORT: "none" });
  // Both waits start now: the exit can be reported before the last output.
  const exited = once(child, "exit");
  const [message] = (await once(child.stderr, "data")) as [Buffer];
  expect(message.toString()).toContain("PORT");
  expect((await exited)[0]).toBe(1);
}, 20_000);
