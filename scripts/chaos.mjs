import { parseArgs } from "node:util";
import { runVitest } from "./run-vitest.mjs";

// `npm run chaos -- [--seed N] [--minutes M]`: one long run of mixed faults; the printed seed repeats it.
const { values } = parseArgs({ options: { seed: { type: "string" }, minutes: { type: "string", default: "5" } } });
for (const [name, value] of Object.entries(values)) {
  if (!Number.isFinite(Number(value)) || Number(value) <= 0) {
    console.error(`--${name} must be a number above 0`);
    process.exit(2);
  }
}
runVitest(["--project", "system", "e2e/faults/chaos.test.ts"], {
  CHAOS_MINUTES: values.minutes,
  ...(values.seed ? { CHAOS_SEED: values.seed } : {}),
});
