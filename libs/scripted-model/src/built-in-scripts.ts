import { Script } from "./script.ts";

/** The scripts that are there under a model's name without any configuration. */
export const BUILT_IN_SCRIPTS: Record<string, Script> = {
  words: Script.parse({ tokens: 50, interval_ms: 10 }),
  slow: Script.parse({ tokens: 600, interval_ms: 100 }),
  thinker: Script.parse({ reasoning_tokens: 20, tokens: 20, interval_ms: 10 }),
  "tool-user": Script.parse({ tool_depth: 2, tokens: 20, step_tokens: 3 }),
  "tool-looper": Script.parse({ tool_depth: 1000, ignore_tool_choice: true }),
  silent: Script.parse({ stall: "headers" }),
  broken: Script.parse({ status: 500 }),
};
