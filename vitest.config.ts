import { defineConfig } from "vitest/config";
import { BaseSequencer, type Reporter, type TestModule, type TestSpecification } from "vitest/node";

/** After this time a test hangs. It bounds no duration that a test checks, and must suffice on a busy machine with one free core. */
const HANGS_MS = 180_000;

/** CI reads this line. A file that does not load counts as one failure: its tests are unknown. */
const closingLine: Reporter = {
  onTestRunEnd(modules: readonly TestModule[], unhandled, reason) {
    const count = (state: "passed" | "failed" | "skipped") =>
      modules.reduce((sum, module) => sum + [...module.children.allTests(state)].length, 0);
    const broken = modules.filter((module) => module.errors().length > 0).length;
    const failed = count("failed") + broken + unhandled.length;
    const skipped = count("skipped");
    if (skipped > 0) console.log(`${skipped} skipped`);
    // A run that ended before its tests, for instance for want of a database, did not pass.
    console.log(`${count("passed")} passed, ${reason === "passed" ? failed : Math.max(failed, 1)} failed`);
  },
};

/**
 * Starts slow files first, so that no long file runs alone at the end: the model checker's together, because a process serves one
 * project; then fault tests, which mostly wait, in turn with files that mostly compute. Within a rank vitest's own order holds.
 */
class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const checking = sorted.filter((file) => file.moduleId.includes("/e2e/model-checker/"));
    const waiting = sorted.filter((file) => file.moduleId.includes("/e2e/faults/"));
    const ranks = [/\/e2e\//, /\/test\//, /./];
    const rank = (file: TestSpecification) => ranks.findIndex((pattern) => pattern.test(file.moduleId));
    const others = sorted.filter((file) => !checking.includes(file) && !waiting.includes(file));
    const computing = others.sort((a, b) => rank(a) - rank(b));
    const longest = Math.max(waiting.length, computing.length);
    const mixed = Array.from({ length: longest }, (_, i) => [waiting[i] ?? [], computing[i] ?? []].flat());
    return [...checking, ...mixed.flat()];
  }
}

/** Garbage is collected by one thread, as the cores are busy anyway. */
const ONE_THREAD = "--single-threaded-gc";
/** A larger young generation takes a sixth of the CPU time from what allocates much, such as the model checker. */
const COMPUTING = [ONE_THREAD, "--max-semi-space-size=64"];

export default defineConfig({
  test: {
    pool: "forks",
    // Twice the cores of a small machine, because fault tests mostly wait: three workers leave a quarter of the CPU time idle.
    maxWorkers: 4,
    sequence: { sequencer: SlowFirst },
    retry: 0,
    passWithNoTests: false,
    reporters: ["default", closingLine],
    projects: [
      {
        extends: true,
        test: {
          name: "pure",
          execArgv: COMPUTING,
          // Pure tests share no state, so that a worker can keep its modules from file to file: two fifths of the time.
          isolate: false,
          include: ["{libs,services}/*/src/**/*.test.ts", "e2e/harness/**/*.test.ts"],
          testTimeout: HANGS_MS,
        },
      },
      {
        extends: true,
        test: {
          name: "protocols",
          execArgv: COMPUTING,
          isolate: false,
          include: ["e2e/model-checker/**/*.test.ts"],
          testTimeout: HANGS_MS,
        },
      },
      {
        extends: true,
        test: {
          name: "system",
          // To start a process takes the longer the more memory its parent has: 20 ms with 600 MB. So these tests run beside no
          // model checker, in small processes.
          execArgv: [ONE_THREAD],
          // As above: what is tested runs in processes of its own, or has keys and databases of its own.
          isolate: false,
          include: ["{libs,services}/*/test/**/*.test.ts", "e2e/**/*.test.ts"],
          exclude: ["e2e/harness/**", "e2e/model-checker/**", "**/node_modules/**"],
          // Runs only when this project has files to run: pure tests do not wait for a database.
          globalSetup: ["libs/backing-services/src/testing/global-setup.ts", "e2e/harness/build-services.ts"],
          // `npm run faults` stages what takes minutes.
          testTimeout: process.env.FAULTS === "full" ? 600_000 : HANGS_MS,
          hookTimeout: HANGS_MS,
        },
      },
    ],
  },
});
