import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createToolPool, findSearchLimits, openProject } from "@boocode/project-tools";
import { median, quantile } from "../../report/statistics.ts";
import { type Attack, attackSystem } from "./attack-system.ts";
import { bytesBelow } from "./memory.ts";

/*
 * One user's tool calls against everybody else: in a process that holds a pool as a worker does, and then in the whole system.
 * `npm run build && npm run bench -- attacks/tools/<attack>` prints one line of JSON:
 * - `gap_ms`: the longest time for which this process' event loop was blocked, which is a gap in every stream of a worker
 * - `service_mb`, `tools_mb`: the growth of this process, and the most that all tool processes took together
 * - `grep_ratio`: another user's grep during the attack, median, p99 and worst, each as a ratio to the median of the same grep before it
 * - `idle_ratio`: the same of that grep before the attack, which says how much of a worst case is the machine's
 * - `system`: see `attackSystem`; the gaps of another user's stream in the whole system
 */

const OTHER_FILES = 300;
/** For as many samples as the attack has: the worst of a few says nothing. */
const IDLE_SHARE = 0.5;
const never = new AbortController().signal;

export async function attack(chosen: Attack): Promise<void> {
  const { name, write, calls, at_once, seconds = 15 } = chosen;
  const base = realpathSync(mkdtempSync(join(tmpdir(), "boocode-attack-")));
  const folders = { attacker: join(base, "attacker"), other: join(base, "other") };
  for (const folder of Object.values(folders)) mkdirSync(folder);
  write(folders.attacker);
  for (let index = 0; index < OTHER_FILES; index++)
    writeFileSync(join(folders.other, `${index}.ts`), `export const name${index} = ${index};\n`.repeat(200));
  const use = { memoryMb: 512, cpuMs: 20_000 };
  const own = { folders: [], files: [] };
  const pool = createToolPool({
    size: 4,
    program: join(import.meta.dirname, "../../../dist/worker/tool-process/main.mjs"),
    settings: { limits: { timeoutMs: 15_000, outputBytes: 48 * 1024 }, groupsOff: [], own },
    search: findSearchLimits(use),
    use,
    waitMs: 60_000,
    log: { warn: () => {}, error: (facts, message) => console.error(message, facts) },
  });
  const openAs = (path: string) => openProject({ kind: "path", path }, { allowed: async () => [base], own });
  const projects = { attacker: await openAs(folders.attacker), other: await openAs(folders.other) };
  let made = 0;
  const run = (user: "attacker" | "other", call: Attack["calls"][number]) =>
    pool.run({ user, project: projects[user].folder, call: { id: String(++made), ...call } }, never);
  const timeGrep = async () => {
    const start = performance.now();
    const { result } = await run("other", { name: "grep", arguments: { pattern: "name299 = " } });
    if (result.error !== null) throw new Error(result.error);
    return performance.now() - start;
  };

  const timeGreps = async (end: number) => {
    const times: number[] = [];
    while (performance.now() < end) times.push(await timeGrep());
    return times;
  };

  await timeGrep();
  const idle = await timeGreps(performance.now() + IDLE_SHARE * seconds * 1000);
  const before = process.memoryUsage.rss();
  const watch = watchService();
  const until = performance.now() + seconds * 1000;
  const outcomes = new Map<string, number>();
  const attackers = Array.from({ length: at_once }, async (_, index) => {
    for (let turn = index; performance.now() < until; turn++) {
      const { result } = await run("attacker", calls[turn % calls.length] as Attack["calls"][number]);
      const outcome = result.error === null ? "answered" : result.error.slice(0, 60);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
  });
  const during = await timeGreps(until);
  await Promise.all(attackers);
  const { gap, service, tools } = watch.stop();
  await pool.stop();
  for (const project of Object.values(projects)) await project.close();
  rmSync(base, { recursive: true });
  const system = await attackSystem(chosen);
  const idleMs = median(idle);
  const ratios = (times: number[]) => {
    const ratio = (ms: number) => Number((ms / idleMs).toFixed(2));
    return { median: ratio(median(times)), p99: ratio(quantile(times, 0.99)), worst: ratio(Math.max(...times)) };
  };
  console.log(
    JSON.stringify({
      name,
      gap_ms: Math.round(gap),
      service_mb: megabytes(service - before),
      tools_mb: megabytes(tools),
      idle_grep_ms: Math.round(idleMs),
      idle_ratio: ratios(idle),
      grep_ratio: ratios(during),
      outcomes: Object.fromEntries(outcomes),
      system,
    }),
  );
  process.exit();
}

const megabytes = (bytes: number) => Math.round(bytes / 2 ** 20);

function watchService() {
  const most = { gap: 0, service: 0, tools: 0 };
  let last = performance.now();
  const ticking = setInterval(() => {
    const now = performance.now();
    most.gap = Math.max(most.gap, now - last);
    last = now;
  }, 5);
  const weighing = setInterval(() => {
    most.service = Math.max(most.service, process.memoryUsage.rss());
    most.tools = Math.max(most.tools, bytesBelow(process.pid));
    // Reading /proc is this benchmark's own work.
    last = performance.now();
  }, 200);
  return {
    stop() {
      clearInterval(ticking);
      clearInterval(weighing);
      return most;
    },
  };
}

/** Writes a file and the folders above it. */
export function writeDeep(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}
