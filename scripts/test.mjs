import { runVitest } from "./run-vitest.mjs";

// `npm test -- <arguments of vitest>`: all tests, once.
runVitest(process.argv.slice(2));
