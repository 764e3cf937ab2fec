import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { migrate, startPostgres } from "@boocode/backing-services";
import { startScriptedModel } from "@boocode/scripted-model";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FASTIFY } from "./harness/start-system.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
let dataDir: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "boocode-start-"));
  // As an earlier version left it: one role for everything.
  const postgres = await startPostgres({ dataDir, keep: true, order: ["installed", "embedded", "container"] });
  await migrate(postgres.url);
  await postgres.stop();
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

interface Run {
  output(): string;
  ended: Promise<number | null>;
  /** Resolves when the output contains this. @throws with the output when the process exits first */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** @param command what a user types, or the launcher behind it */
function npmStart(
  args: string[],
  command = [process.execPath, join(root, "scripts", "start.mjs")],
  more: Record<string, string> = {},
): Run {
  const { DATABASE_URL: _, REDIS_URL: __, LLAMA_SWAP_URL: ___, MODEL_SERVERS: ____, ...env } = process.env;
  const [program = "", ...before] = command;
  const child = spawn(program, [...before, ...args], {
    cwd: root,
    env: { ...env, DATA_DIR: dataDir, REQUIRE_LEAST_PRIVILEGE: "1", ...more },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "exit").then(([code]) => code as number | null);
  let output = "";
  let notify = () => {};
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (data) => {
      output += data;
      notify();
    });
  }
  let isOver = false;
  void ended.then(() => {
    isOver = true;
    notify();
  });
  return {
    output: () => output,
    ended,
    async says(pattern) {
      for (;;) {
        const match = pattern.exec(output);
        if (match) return match;
        if (isOver) throw new Error(`it ended without saying ${pattern}:\n${output}`);
        await new Promise<void>((resolve) => {
          notify = resolve;
        });
      }
    },
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      return await ended;
    },
  };
}

test("npm start shows an investigation, stops cleanly, and starts again with the same token", {
  timeout: 180_000,
}, async () => {
  const first = npmStart(["--project", FASTIFY, "--ask", "Where is `buildRouting` defined?"]);
  await first.says(/The conversation: http/);
  expect(first.output()).toMatch(/→ grep/);
  expect(first.output()).toMatch(/no language model/i);
  expect(first.output()).toMatch(/lib\/route\.js:\d+/);
  const token = (await first.says(/Token\s+(boo_\S+)/))[1] as string;
  const api = (await first.says(/API\s+(http\S+)/))[1] as string;
  const headers = { authorization: `Bearer ${token}` };
  expect((await fetch(`${api}/api/projects`, { headers })).status).toBe(200);
  const model = (await first.says(/Model\s+(http\S+)/))[1] as string;
  expect(await (await fetch(`${model}/__violations`)).json()).toEqual([]);
  expect(new URL(await readFile(join(dataDir, "database-url"), "utf8")).username).toBe("boocode_services");
  expect(await first.stop()).toBe(0);
  const log = await readFile(join(dataDir, "boocode.log"), "utf8");
  expect(log).toContain("Created the role boocode_services.");
  expect(log).not.toMatch(/may do more|level":[56]0/);
  await expect(fetch(`${api}/healthz`)).rejects.toThrow();

  const second = npmStart([]);
  const again = (await second.says(/Token\s+(boo_\S+)/))[1];
  expect(again).toBe(token);
  const url = (await second.says(/API\s+(http\S+)/))[1] as string;
  const socketLine = (await second.says(/node -e '.+'$/m))[0];
  // Runs the line as if a user pasted it into a terminal in any folder.
  const socket = spawn("sh", ["-c", `exec ${socketLine}`], { cwd: tmpdir(), stdio: ["ignore", "pipe", "inherit"] });
  expect(String((await once(socket.stdout, "data"))[0])).toContain('{"type":"subscribed"');
  socket.kill();
  const { DATABASE_URL: _, ...env } = process.env;
  const options = { cwd: root, env: { ...env, DATA_DIR: dataDir } };
  const added = await promisify(execFile)("npm", ["run", "--silent", "admin", "--", "user", "add", "grace"], options);
  const hers = await fetch(`${url}/api/projects`, { headers: { authorization: `Bearer ${added.stdout.trim()}` } });
  expect(await hers.json()).toMatchObject({ projects: [] });
  const kept = (await (await fetch(`${url}/api/projects`, { headers })).json()) as { projects: unknown[] };
  expect(kept.projects).toHaveLength(1);
  expect(await second.stop()).toBe(0);
});

test("npm start uses the servers and keys of MODEL_SERVERS, and no demo model", {
  timeout: 120_000,
}, async () => {
  const model = await startScriptedModel();
  const file = join(dataDir, "model-servers.json");
  const server = { name: "mine", url: model.url, api_key_env: "KEY_OF_MINE", default_model: "words" };
  await writeFile(file, JSON.stringify([server]));
  const run = npmStart(["--project", FASTIFY, "--ask", "Hello?"], undefined, {
    MODEL_SERVERS_FILE: file,
    KEY_OF_MINE: "a secret",
  });
  await run.says(/The conversation: http/);
  expect(model.requests().map(({ model: asked }) => asked)).toContain("words");
  expect(model.violations()).toEqual([]);
  expect(await run.stop()).toBe(0);
  await model.close();
});

test.each(["SIGTERM", "SIGINT"] as const)(
  "%s to npm itself stops everything, and npm waits for it",
  {
    timeout: 120_000,
  },
  async (signal) => {
    const run = npmStart([], ["npm", "start"]);
    const api = (await run.says(/API\s+(http\S+)/))[1] as string;
    await run.says(/Ctrl-C stops everything/);
    expect(await run.stop(signal)).toBe(0);
    await expect(fetch(`${api}/healthz`)).rejects.toThrow();
  },
);

test("a launcher that is killed leaves nothing running", { timeout: 120_000 }, async () => {
  const run = npmStart([]);
  const api = (await run.says(/API\s+(http\S+)/))[1] as string;
  await run.says(/Ctrl-C stops everything/);
  await run.stop("SIGKILL");
  while (await answers(api)) await new Promise((resolve) => setTimeout(resolve, 50));
  // Its servers ended too, and released their data.
  const next = npmStart([]);
  await next.says(/Ctrl-C stops everything/);
  expect(await next.stop()).toBe(0);
});

test.each([
  [["--project", "/nowhere/at/all"], /\/nowhere\/at\/all is not a directory/],
  [["--project", join(root, "package.json")], /package\.json is not a directory/],
  [["--ask", "why?"], /--ask asks about a --project/],
  [["--porject", "."], /Unknown option '--porject'/],
  [["."], /Unexpected argument '\.'/],
])("npm start with %j says what is wrong and how to use it, without starting anything", async (args, words) => {
  const run = npmStart(args);
  await run.says(/npm start \[-- --project PATH/);
  expect(run.output()).toMatch(words);
  expect(run.output()).not.toMatch(/^\s+at /m);
  expect(await run.ended).toBe(1);
});

async function answers(url: string): Promise<boolean> {
  return await fetch(`${url}/healthz`).then(
    () => true,
    () => false,
  );
}
