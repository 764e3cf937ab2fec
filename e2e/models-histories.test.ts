import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ScriptInput } from "@boocode/scripted-model";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type System, startSystem, type User } from "./harness/start-system.ts";
import { untilEnd } from "./harness/turn-end.ts";
import { subscribed, watchSession } from "./harness/watch.ts";

let system: System;
let user: User;
let folder: string;

/** Contents of project files that must not break a session. */
const FILES: Record<string, string | Buffer> = {
  "emoji.txt": "🚀".repeat(100_000),
  "nul.txt": "a\u0000b\n".repeat(500),
  "half.txt": Buffer.from([0xed, 0xa0, 0xbd, 0x0a, 0xff, 0xfe, 0x0a, 0xf0, 0x9f]),
  "empty.txt": "",
  "blank.txt": " \n\t\n",
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "boocode-hostile-"));
  for (const [name, content] of Object.entries(FILES)) await writeFile(join(folder, name), content);
  system = await startSystem({
    env: { PROJECT_ROOTS: folder, LEASE_MS: "1500", HEARTBEAT_MS: "300" },
    model: { scripts: { small: { window: 6_000, tokens: 3 } } },
  });
  user = await system.addUser("ada");
});
afterAll(async () => {
  // Stopping asserts that no request violated a rule.
  await system.stop();
  await rm(folder, { recursive: true, force: true });
});

async function talk(model = "words") {
  const project = await user.rest.project(folder);
  const session = await user.rest.session(project.id, { name: "named", model });
  const watch = await subscribed(
    watchSession(system.gateways[0]?.url as string, user.token, session.id, "?cursor=0.0.0.0"),
  );
  const post = async (script: ScriptInput) =>
    (await user.rest.post(session.id, `Go on. [[script ${JSON.stringify(script)}]]`)).turn_id;
  const end = (turnId: string) => untilEnd(watch, turnId);
  const ask = async (script: ScriptInput) => await end(await post(script));
  /** Asserts that the session answers, twice, with its whole history in the request. */
  const answers = async () => {
    for (let turn = 0; turn < 2; turn++) expect(await ask({ tokens: 2 })).toMatchObject({ status: "complete" });
    await watch.close();
  };
  return { id: session.id, watch, post, end, ask, answers };
}

const call = (name: string, args: string | object) => ({ name, arguments: args as string });
const reads = Object.keys(FILES).map((path) => call("view_file", { path }));

test.each<[string, ScriptInput]>([
  ["outputs that are full of emoji, NULs or half characters, or are empty", { tool_depth: 2, tool: reads }],
  [
    "arguments that are not JSON or not an object",
    {
      tool_depth: 2,
      tool: ["", "{", "[]", "[1,2]", "null", '"text"', "7", '{"path":"a\\u0000\\ud83d"}', "\u0000"].map((args) =>
        call("view_file", args),
      ),
    },
  ],
  [
    "names that no server accepts",
    {
      tool_depth: 1,
      tool: ["", " ", "no such tool!", "a.b", "x".repeat(200), "ünï", "🚀"].map((name) => call(name, {})),
    },
  ],
  ["ids that repeat", { tool_depth: 3, tool: reads, quirks: { ids: "repeated" } }],
  ["ids that are too long and odd", { tool_depth: 2, tool: reads, quirks: { ids: "odd" } }],
  ["a text of a hundred thousand characters", { huge_delta: 100_000, tokens: 1 }],
  ["a blank answer", { text: " \n " }],
])("a session goes on after %s", async (_, script) => {
  const { ask, answers } = await talk();
  await ask({ tokens: 2, ...script });
  await answers();
});

test("a session continues after a failure between steps, and after one before any word", async () => {
  const { ask, answers } = await talk();
  const failing = { tokens: 2, tool_depth: 2, tool: reads, status: 400, body: { error: { message: "no" } } };
  expect(await ask({ ...failing, fail_at_step: 1 })).toMatchObject({ status: "failed" });
  expect(await ask(failing)).toMatchObject({ status: "failed" });
  await answers();
});

test("a session continues after cancels: before any word, in mid-text, between steps, with queued questions", async () => {
  const { id, ask, post, end, answers } = await talk();
  for (const script of [{ gate: "silent" }, { tokens: 9, gate: { name: "words", at: 3 } }]) {
    const gate = typeof script.gate === "string" ? script.gate : script.gate.name;
    const turn = await post(script);
    await system.model.reached(gate);
    await user.rest.cancel(id);
    expect(await end(turn)).toMatchObject({ status: "cancelled" });
  }
  const between = await post({ tool_depth: 1, tool: reads, gate: { name: "second", at: "headers", step: 1 } });
  await system.model.reached("second");
  const [first, second] = [await post({ tokens: 1 }), await post({ tokens: 1 })];
  await user.rest.cancel(id);
  expect(await end(between)).toMatchObject({ status: "cancelled" });
  for (const turn of [first, second]) expect(await end(turn)).toMatchObject({ status: "complete" });
  await ask({ tokens: 1 });
  await answers();
});

test("a session continues after its worker died in a step, and after messages from the middle on were deleted", async () => {
  const { id, ask, post, end, answers } = await talk();
  const turn = await post({ tokens: 3, tool_depth: 1, tool: reads, gate: { name: "dying", at: 1, step: 1 } });
  await system.model.reached("dying");
  const worker = system.workers[0];
  worker?.process.kill("SIGKILL");
  await worker?.exited;
  system.model.release("dying");
  if (worker) await system.restart(worker);
  expect(await end(turn)).toMatchObject({ status: "complete" });

  await ask({ tokens: 1, tool_depth: 1, tool: reads });
  const { messages } = await user.rest.messages(id);
  const middle = messages.filter(({ role }) => role === "tool").at(-3);
  const deleted = await user.rest.request("DELETE", `/api/sessions/${id}/messages/${middle?.id}`);
  expect(deleted.status).toBe(200);
  expect(await ask({ tokens: 1 })).toMatchObject({ status: "complete" });
  const again = await user.rest.request<{ turn_id: string }>("POST", `/api/sessions/${id}/regenerate`, {});
  expect(again.status).toBe(202);
  expect(await end(again.body.turn_id)).toMatchObject({ status: "complete" });
  await answers();
});

test("a session continues after outputs that are each larger than its small context window", async () => {
  const { ask, answers } = await talk("small");
  await ask({ tokens: 1, window: 6_000, tool_depth: 2, tool: reads });
  await answers();
});
