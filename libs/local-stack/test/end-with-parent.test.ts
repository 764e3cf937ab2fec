import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const holder = fileURLToPath(new URL("holder.ts", import.meta.url));

test("a service stops when its parent process is killed", async () => {
  const parent = spawn(process.execPath, ["--import", "tsx", holder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [url] = (await once(createInterface({ input: parent.stdout }), "line")) as [string];
  expect((await fetch(`${url}/health`)).status).toBe(200);
  parent.kill("SIGKILL");
  for (let up = true; up; ) {
    up = await fetch(`${url}/health`).then(
      () => true,
      () => false,
    );
  }
});
