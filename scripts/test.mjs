import { runVitest } from "./run-vitest.mjs";

// `npm test -- <arguments of vitest>`: all tests, once.
runVitest(["--project", "pure", "--project", "services", ...process.argv.slice(2)]);
