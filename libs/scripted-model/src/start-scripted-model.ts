import type { AddressInfo } from "node:net";
import { createAttempts } from "./control/attempts.ts";
import { createGates } from "./control/gates.ts";
import { createRecords, type RecordedRequest, type Violation } from "./control/records.ts";
import { Script, type ScriptInput, ScriptQuirks } from "./script.ts";
import { createModelServer } from "./server.ts";

/** The scripts that are there under a model's name without any configuration. */
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
  /** Tokens, as `/props` and the list of models tell them; null: nothing tells them. */
  contextSize?: number | null;
  /** By model name, its `status.value` in the list: `unloaded`, say. `loaded` when it is not there. */
  modelStatus?: Record<string, string>;
  /** By model name, beside the built-in ones. */
  scripts?: Record<string, ScriptInput>;
  /** Of every answer whose script does not say otherwise: everything else can be tested against a difficult server. */
  quirks?: ScriptQuirks;
  /** Pace of the investigator's words. */
  investigatorIntervalMs?: number;
}

export interface ScriptedModel {
  /** Without a path: `http://127.0.0.1:41234`. */
  url: string;
  port: number;
  /** Breaks off whatever streams and frees the port. */
  close(): Promise<void>;
  /** The chat requests so far, oldest first: the last 10,000, the last 1000 with their bodies. */
  requests(): RecordedRequest[];
  /** Where requests broke the rules of real servers. A test of the system asserts that there are none. */
  violations(): Violation[];
  /** Resolves with the first request, past or future, that fits; looked at when one arrives and when one ends. */
  until(fits: (request: RecordedRequest) => boolean): Promise<RecordedRequest>;
  /** Opens a gate, for those who come later too. */
  release(gate: string): void;
  /** Resolves as soon as a request has come to the gate. */
  reached(gate: string): Promise<void>;
  /** Forgets requests, attempts and gates, but no violation; whoever waits at a gate is let through. */
  reset(): void;
}

/**
 * Starts an OpenAI-compatible model server without a model, for tests, benchmarks and an `npm start` without one.
 *
 * @throws a ZodError when a script makes no sense; the listen error when the port is taken
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
