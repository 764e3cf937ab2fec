import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { signalTree } from "../src/process/end-process.ts";

test("SIGKILL reaches every child, even of a parent that keeps forking", async () => {
  for (let round = 0; round < 20; round++) {
    // Bounded, in case the signal misses this parent itself.
    const script = "n=0; while [ $n -lt 2000 ]; do sleep 30 & n=$((n+1)); done; wait";
    const parent = spawn("/bin/sh", ["-c", script], { stdio: ["ignore", "pipe", "ignore"] });
    // Every child holds the pipe, so the pipe closes when the last child ends.
    const closed = once(parent, "close").then(() => "closed");
    await delay(5 + round);
    await signalTree(parent.pid as number, "SIGKILL");
    const late = delay(2_000, "a child lives", { ref: false });
    expect(await Promise.race([closed, late])).toBe("closed");
  }
});
