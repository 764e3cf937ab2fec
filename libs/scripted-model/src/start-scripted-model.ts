import type { AddressInfo } from "node:net";
import { createAttempts } from "./control/attempts.ts";
import { createGates } from "./control/gates.ts";
import { createRecords, type RecordedRequest, type Violation } from "./control/records.ts";
import { Script, type ScriptInput, ScriptQuirks } from "./script.ts";
import { createModelServer } from "./server.ts";

/** Scripts that are available without configuration, by model name. */
const BUILT_IN_SCRIPTS: Record<string, Script> = {
  words: Script.parse({ tokens: 50, interval_ms: 10 }),
  slow: Script.parse({ tokens: 600, interval_ms: 100 }),
  thinker: Script.parse({ reasoning_tokens: 20, tokens: 20, interval_ms: 10 }),
  "tool-user": Script.parse({ tool_depth: 2, tokens: 20, step_tokens: 3 }),
  "tool-looper": Script.parse({ tool_depth: 1000, ignore_tool_choice: true }),
  silent: Script.parse({ stall: "headers" }),
  broken: Script.parse({ status: 500 }),
};

export interface ScriptedModelOptions {
  /** 0, the default: any free port. */
  port?: number;
  host?: string;
  /** Context window in tokens, reported by `/props` and the model list; null to report none. */
  contextSize?: number | null;
  /** `status.value` in the model list, by model name, such as `unloaded`; default `loaded`. */
  modelStatus?: Record<string, string>;
  /** More scripts, by model name. */
  scripts?: Record<string, ScriptInput>;
  /** Defaults for every answer; a script overrides them. They let any test run against a server with these quirks. */
  quirks?: ScriptQuirks;
  /** Interval between the investigator's tokens. */
  investigatorIntervalMs?: number;
}

export interface ScriptedModel {
  /** The base URL without a path, such as `http://127.0.0.1:41234`. */
  url: string;
  port: number;
  /** Breaks every open stream and frees the port. */
  close(): Promise<void>;
  /** The last 10,000 chat requests, oldest first; the last 1000 with their bodies. */
  requests(): RecordedRequest[];
  /** The violations of the rules of real servers. System tests assert that there are none. */
  violations(): Violation[];
  /** Resolves with the first past or future request that matches. Each request is tested when it arrives and when it ends. */
  until(matches: (request: RecordedRequest) => boolean): Promise<RecordedRequest>;
  /** Opens a gate, for requests that wait at it and for later ones. */
  release(gate: string): void;
  /** Resolves when a request has reached the gate. */
  reached(gate: string): Promise<void>;
  /** Forgets requests, attempts and gates, but not violations. Requests that wait at a gate continue. */
  reset(): void;
}

/**
 * Starts an OpenAI-compatible server without a language model, for tests, benchmarks and `npm start`.
 *
 * @throws a ZodError for an invalid script; the listen error when the port is taken
 */
export async function startScriptedModel(options: ScriptedModelOptions = {}): Promise<ScriptedModel> {
  const { port = 0, host = "127.0.0.1", contextSize = 131_072, modelStatus = {}, investigatorIntervalMs = 5 } = options;
  const quirks = ScriptQuirks.parse(options.quirks ?? {});
  const scripts = { ...BUILT_IN_SCRIPTS };
  for (const [name, script] of Object.entries(options.scripts ?? {})) scripts[name] = Script.parse(script);

  const now = () => performance.timeOrigin + performance.now();
  const records = createRecords(() => Math.round(now()));
  const attempts = createAttempts();
  const gates = createGates();
  const reset = () => {
    records.reset();
    attempts.reset();
    gates.reset();
  };
  const server = createModelServer({
    scripts,
    quirks,
    investigatorIntervalMs,
    contextSize,
    modelStatus,
    now,
    records,
    attempts,
    gates,
    reset,
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const { port: bound } = server.address() as AddressInfo;

  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}`,
    port: bound,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
    requests: records.all,
    violations: records.violations,
    until: records.until,
    release: gates.release,
    reached: gates.reached,
    reset,
  };
}
