import { count, duration } from "@boocode/runtime";
import { z } from "zod";
import { findSearchLimits } from "../search/search-limits.ts";
import { GROUP_NAMES } from "../withheld/groups.ts";
import { createToolPool, type ToolPool, type ToolPoolDeps } from "./tool-pool.ts";

/** The variables of every service that reads projects. Durations are in milliseconds. */
export const toolEnv = {
  /** The data folder of `npm start`, which no tool enters. */
  DATA_DIR: z.string().optional(),
  TOOL_TIMEOUT_MS: duration().default(15_000),
  /** What one call may use: of memory, its process and each ripgrep; of CPU time, both together. */
  TOOL_MEMORY_MB: count(128).default(512),
  TOOL_CPU_MS: duration(1_000).default(20_000),
  /** Groups of files that may hold secrets and are shown nevertheless, separated by commas. */
  WITHHELD_GROUPS_OFF: z
    .string()
    .default("")
    .transform((text) => text.split(",").map((name) => name.trim()))
    .transform((names) => names.filter((name) => name !== ""))
    .pipe(z.array(z.enum(GROUP_NAMES, `must be some of ${GROUP_NAMES.join(", ")}, separated by commas`))),
};

type ToolConfig = z.infer<z.ZodObject<typeof toolEnv>>;

interface ServicePoolDeps extends Pick<ToolPoolDeps, "size" | "program" | "waitMs" | "log"> {
  own: ToolPoolDeps["settings"]["own"];
  /** Limit of the output of a tool, in bytes. */
  outputBytes: number;
}

/** The pool of a service, with the limits of its configuration. */
export function createServicePool(config: ToolConfig, { own, outputBytes, ...deps }: ServicePoolDeps): ToolPool {
  const use = { memoryMb: config.TOOL_MEMORY_MB, cpuMs: config.TOOL_CPU_MS };
  const search = findSearchLimits(use);
  void search.then(({ missing }) => {
    if (missing.length > 0) deps.log.warn({ missing }, "this system cannot limit what ripgrep uses");
  });
  const limits = { timeoutMs: config.TOOL_TIMEOUT_MS, outputBytes };
  return createToolPool({ ...deps, search, use, settings: { limits, groupsOff: config.WITHHELD_GROUPS_OFF, own } });
}
