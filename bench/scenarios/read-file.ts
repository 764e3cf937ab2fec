import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repositoryRoot } from "@boocode/backing-services";
import { createServicePool, openProject, type ReadWork } from "@boocode/project-tools";
import type { Lab } from "../lab.ts";
import { median, quantile } from "../report/statistics.ts";

const LINES = 1_000_000;
const LINE = "  const value = compute(input, options); // a line of code of usual length";
const own = { folders: [], files: [] };
const config = { TOOL_TIMEOUT_MS: 15_000, TOOL_MEMORY_MB: 512, TOOL_CPU_MS: 20_000, WITHHELD_GROUPS_OFF: [] };
const never = new AbortController().signal;

/** How long reads of a project take, of lines of a file of a million lines and of a folder, with the check of the project's folder. */
export async function readFile({ options, table, record }: Lab): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), "boocode-bench-"));
  const pool = createServicePool(config, {
    ...{ size: 2, waitMs: 60_000, outputBytes: 1_000, own },
    program: join(repositoryRoot, "dist/api/tool-process/main.mjs"),
    log: { warn: console.error, error: console.error },
  });
  try {
    writeFileSync(join(path, "long.ts"), Array.from({ length: LINES }, (_, at) => `${LINE} ${at + 1}\n`).join(""));
    for (let at = 0; at < 500; at++) writeFileSync(join(path, `file${at}.ts`), `${LINE}\n`);
    const file = (first: number, count: number) =>
      ({ kind: "file", path: "long.ts", first, last: first + count - 1 }) as const;
    const works: Record<string, ReadWork> = {
      "line 1": file(1, 1),
      "line 500,000": file(LINES / 2, 1),
      "line 1,000,000": file(LINES, 1),
      "2,000 lines at the end": file(LINES - 1_999, 2_000),
      "400 lines of a small file": { kind: "file", path: "file1.ts", first: 1, last: 400 },
      "a folder of 501": { kind: "folder", path: ".", limit: 500 },
      "a name in 501 files": { kind: "names", text: "file49", limit: 20 },
    };
    const rows = [];
    for (const [what, work] of Object.entries(works)) {
      const times: number[] = [];
      for (let round = 0; round < (options.smoke ? 1 : 40) + 3; round++) {
        const start = performance.now();
        const opened = await openProject({ kind: "path", path }, { allowed: async () => [path], own });
        const answer = await pool.read(work, { user: "bench", project: opened.folder }, never);
        await opened.close();
        if ("refused" in answer) throw new Error(`${what}: ${answer.refused}`);
        // The first rounds start the process and compile its code.
        if (round >= 3) times.push(performance.now() - start);
      }
      const row = { what, "p50 ms": median(times), "p99 ms": quantile(times, 0.99), "max ms": Math.max(...times) };
      record("read-file", row);
      rows.push(row);
    }
    table("read-file: reads of a project by a pool of two processes", rows);
  } finally {
    await pool.stop();
    rmSync(path, { recursive: true });
  }
}
