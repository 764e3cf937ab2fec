import { setTimeout as sleep } from "node:timers/promises";
import { startService } from "@boocode/local-stack";
import { startBooCode } from "../../peers/boocode.ts";
import { postJson } from "../../peers/post-json.ts";
import { bytesBelow, bytesOf } from "./memory.ts";

/** Tool calls of one user, in a project that makes them expensive. */
export interface Attack {
  name: string;
  /** Makes the attacker's project. */
  write(folder: string): void;
  calls: { name: string; arguments: Record<string, unknown> }[];
  /** How many calls run at once; each is repeated until the time is over. */
  at_once: number;
  seconds?: number;
}

/** Of the stream that another user reads. */
const INTERVAL_MS = 10;
const IDLE_S = 5;

/**
 * The same calls in the whole system: turns of one user make them, with the default limits, while another user reads a stream through the
 * gateway. The stream has a token every 10 ms, so that a longer time between two frames is a gap of the system, or of this process.
 */
export async function attackSystem({ write, calls, at_once, seconds = 15 }: Attack): Promise<object> {
  const model = await startService("scripted-model", { env: {} });
  const boocode = await startBooCode({ modelUrl: model.url, users: 2, limits: "on" });
  try {
    write(boocode.folder);
    const ask = async (user: number, script: object) => {
      const session = await boocode.newSession(user, "words");
      const url = `${boocode.api.url}/api/sessions/${session}/messages`;
      await postJson(url, { content: `[[script ${JSON.stringify(script)}]]` }, boocode.users[user]?.headers ?? {});
      return session;
    };
    const gaps = createGaps();
    const tokens = ((seconds + 2 * IDLE_S) * 1_000) / INTERVAL_MS;
    const session = await ask(0, { tokens, interval_ms: INTERVAL_MS });
    await boocode.openKnown(0, session, { text: gaps.note, ended: () => {} });
    await sleep(1_000);
    gaps.take();
    await sleep(IDLE_S * 1_000);
    const idle = gaps.take();

    const { pid } = boocode.worker;
    const before = bytesOf(pid);
    const most = { worker: 0, tools: 0 };
    const weighing = setInterval(() => {
      most.worker = Math.max(most.worker, bytesOf(pid) - before);
      most.tools = Math.max(most.tools, bytesBelow(pid));
      // Reading /proc is this benchmark's own work.
      gaps.restart();
    }, 500);
    let refused = 0;
    for (let turn = 0; turn < at_once; turn++) {
      await ask(1, { tokens: 1, tool_depth: 5, tool: calls[turn % calls.length] }).catch((error: Error) => {
        // A burst of this size is over the user's limit.
        if (!error.message.includes(" 429 ")) throw error;
        refused += 1;
      });
    }
    await sleep(seconds * 1_000);
    clearInterval(weighing);
    const during = gaps.take();
    const megabytes = (bytes: number) => Math.round(bytes / 2 ** 20);
    return {
      ...{ idle_gap_ms: Math.round(idle), gap_ms: Math.round(during), gap_goal: 100 },
      ...{ worker_mb: megabytes(most.worker), tools_mb: megabytes(most.tools), mb_goal: 200 },
      refused,
    };
  } finally {
    await boocode.stop();
    await model.stop("SIGKILL");
  }
}

/** `take` returns the longest time between two notes since the last take. */
function createGaps() {
  let last = performance.now();
  let longest = 0;
  return {
    note() {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
    },
    restart() {
      last = performance.now();
    },
    take() {
      const taken = longest;
      longest = 0;
      return taken;
    },
  };
}
