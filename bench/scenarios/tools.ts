import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "../lab.ts";
import { openAskers } from "../load/turns.ts";
import { median, quantile } from "../report/statistics.ts";
import { warmUp } from "./warm-up.ts";

/*
 * A turn of five steps, each with five reads of a file in tool processes. How long does a step take from the model's calls to its
 * next request? Only the product has tools: `direct` and `plain` have no such step; `--base` compares two builds.
 */
const CALLS = 5;

export async function tools(lab: Lab): Promise<void> {
  const { smoke, turns, repetitions, base } = lab.options;
  const steps = smoke ? 1 : 5;
  const names = ["boocode", ...(base ? ["base"] : [])];
  const taken = new Map<string, number[]>(names.map((name) => [name, []]));
  for (let repetition = 0; repetition < repetitions; repetition++) {
    for (const name of names) {
      await lab.withBooCode(name, async (boocode, model) => {
        for (let file = 0; file < CALLS; file++)
          writeFileSync(join(boocode.folder, `file${file}.ts`), "export const value = compute(12);\n".repeat(400));
        const [asker] = await openAskers(boocode, 1);
        if (!asker) throw new Error("no session");
        await warmUp([asker]);
        const ask = () => asker.ask({ tokens: 1, gapMs: 0, ttftMs: 0, toolSteps: steps, toolCalls: CALLS });
        for (let warm = 0; warm < (smoke ? 1 : 5); warm++) await ask();
        model.onMessage(({ stepUs }) => {
          if (typeof stepUs === "number") taken.get(name)?.push(stepUs / 1000);
        });
        for (let turn = 0; turn < Math.ceil(turns / repetitions); turn++) {
          const { failure } = await ask();
          if (failure) throw new Error(`a turn failed: ${failure}`);
        }
        asker.close();
      });
    }
  }
  const rows = names.map((peer) => {
    const ms = taken.get(peer) ?? [];
    const ratio = median(ms) / median(taken.get("base") ?? []);
    return { peer, steps: ms.length, "step p50 ms": median(ms), "step p99 ms": quantile(ms, 0.99), "× base": ratio };
  });
  for (const row of rows) lab.record("tools", row);
  lab.table(`tools: ${CALLS} reads in each step`, rows);
}
