import { runVitest } from "./run-vitest.mjs";

// `npm run faults -- <arguments of vitest>`: every fault test at full size, one file after the other.
runVitest(["--project", "system", "--no-file-parallelism", "e2e/faults", ...process.argv.slice(2)], {
  FAULTS: "full",
});
