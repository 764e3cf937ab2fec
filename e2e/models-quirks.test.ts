import { type ScriptedModel, type ScriptQuirks, startScriptedModel } from "@boocode/scripted-model";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createFold } from "./harness/fold.ts";
import { FASTIFY, ONLY_PUBLISHED, type System, startSystem, type User } from "./harness/start-system.ts";
import { openSubscriber } from "./harness/subscriber.ts";
import { untilEnd } from "./harness/turn-end.ts";
import { subscribed, watchSession } from "./harness/watch.ts";

/** Servers each of which rejects what another requires. */
const SERVERS = {
  thoughtful: { replayed_reasoning: "required", name_fragments: true },
  untold: { replayed_reasoning: "required" },
  forgetful: { replayed_reasoning: "refused" },
  llama3: { single_tool_calls: true, answer_limit: "max_completion_tokens", nulls: true, crlf: true },
  mistral: {
    nine_character_ids: true,
    no_stream_options: true,
    answer_limit: "none",
    index: "missing",
    whole_arguments: true,
    no_done: true,
  },
  ollama: { ids: "empty", index: "zero", whole_arguments: true, reasoning: "reasoning" },
  gateway: { ids: "per_fragment", reasoning: "both", loading_chatter: true },
  chatml: { ignores_tools: true },
  deepseek: { reasoning: "untold" },
  hermes: { text_calls: true, reasoning: "think" },
  qwen: { ids: "missing", index: "missing", object_arguments: true, reasoning: "think" },
} satisfies Record<string, ScriptQuirks>;
type Name = keyof typeof SERVERS;
/** The quirks that are set; the worker learns all others. */
const SETTINGS: Partial<Record<Name, object>> = { thoughtful: { replay_reasoning: true } };
const MODEL: Partial<Record<Name, string>> = { mistral: "mistral-small" };

let system: System;
let user: User;
const models = {} as Record<Name, ScriptedModel>;
const names = Object.keys(SERVERS) as Name[];

beforeAll(async () => {
  for (const name of names) {
    models[name] = await startScriptedModel({ quirks: SERVERS[name], scripts: { "mistral-small": {} } });
  }
  const servers = names.map((name) => ({ name, url: models[name].url, quirks: SETTINGS[name] ?? {} }));
  system = await startSystem({
    env: { ...ONLY_PUBLISHED, LLAMA_SWAP_URL: "", MODEL_SERVERS: JSON.stringify(servers) },
  });
  user = await system.addUser("ada");
});
afterAll(async () => {
  const violations = names.flatMap((name) => models[name].violations());
  await system.stop();
  await Promise.all(names.map((name) => models[name].close()));
  expect(violations).toEqual([]);
});

async function talk(model: string) {
  const project = await user.rest.project(FASTIFY);
  const session = await user.rest.session(project.id, { name: "named", model });
  const watch = await subscribed(
    watchSession(system.gateways[0]?.url as string, user.token, session.id, "?cursor=0.0.0.0"),
  );
  const ask = async (text: string) => {
    const { turn_id } = await user.rest.post(session.id, text);
    return await untilEnd(watch, turn_id);
  };
  return { id: session.id, watch, ask };
}

const SCRIPT = {
  tokens: 2,
  reasoning_tokens: 3,
  tool_depth: 2,
  tool: ["lib", "types"].map((path) => ({ name: "list_dir", arguments: { path } })),
};
const question = (script: object) => `Look. [[script ${JSON.stringify(script)}]]`;
/** The messages of the newest request. */
function sentTo(name: Name) {
  const body = models[name].requests().at(-1)?.body;
  return (body as { messages: { role: string; reasoning_content?: string }[] }).messages;
}

test.each(names)("a session with %s completes its turns, with tools and history", async (name) => {
  const { id, watch, ask } = await talk(`${name}/${MODEL[name] ?? "words"}`);
  // llama3 gets each call back in a message of its own, and the scripted model counts each such message as a step.
  const script = { ...SCRIPT, tool_depth: name === "llama3" ? 4 : 2 };
  for (let turn = 0; turn < 2; turn++) expect(await ask(question(script))).toMatchObject({ status: "complete" });
  const { messages } = await user.rest.messages(id);
  expect(messages.filter(({ role }) => role === "tool").map(({ tool_result }) => tool_result?.error)).toEqual(
    Array(8).fill(null),
  );
  const said = messages.filter(({ role }) => role === "assistant");
  expect(said.map(({ reasoning }) => reasoning?.trim())).toEqual(Array(6).fill("r0 r1 r2"));
  expect(said.map(({ content }) => content.trim())).toEqual(["", "", "w0 w1", "", "", "w0 w1"]);
  const fold = createFold(null);
  for (const frame of watch.frames) fold.apply(frame);
  for (const message of messages) expect(fold.texts.get(message.id)?.content).toBe(message.content);
  expect(sentTo(name).filter(({ role }) => role === "tool")).toHaveLength(8);
  await watch.close();
});

test("a model that only writes tool calls as text is asked for an answer in words twice; then the turn fails without showing a call", async () => {
  const { id, watch, ask } = await talk("hermes/words");
  const end = await ask(question({ ...SCRIPT, step_tokens: 2, tool_depth: 50, ignore_tool_choice: true, key: id }));
  expect(end).toMatchObject({ status: "failed" });
  const choices = models.hermes.requests().flatMap(({ key, toolChoice }) => (key === id ? [toolChoice] : []));
  expect(choices).toEqual(["auto", "auto", "auto", "auto", "auto", "none", "none"]);
  const { messages } = await user.rest.messages(id);
  expect(messages.at(-1)?.error?.code).toBe("tool_loop");
  const shown = watch.frames.flatMap((frame) => (frame.type === "delta" ? [frame.content] : [])).join("");
  expect(JSON.stringify(messages) + shown).not.toContain("tool_call>");
  await watch.close();
});

test("reasoning is sent back to the server that requires it, and to no other", async () => {
  const thoughts = async (name: Name) => {
    const { watch, ask } = await talk(`${name}/words`);
    for (let turn = 0; turn < 2; turn++) await ask(question({ ...SCRIPT, tool_depth: 1 }));
    await watch.close();
    return sentTo(name).flatMap((message) => (message.role === "assistant" ? (message.reasoning_content ?? null) : []));
  };
  expect(await thoughts("thoughtful")).toEqual(["r0 r1 r2", "r0 r1 r2", "r0 r1 r2"]);
  expect(await thoughts("forgetful")).toEqual([null, null, null]);
});

test("a session without reasoning continues with a model that requires reasoning back", async () => {
  const { id, watch, ask } = await talk("forgetful/words");
  await ask(question({ ...SCRIPT, reasoning_tokens: 0 }));
  await user.rest.request("PATCH", `/api/sessions/${id}`, { model: "thoughtful/words" });
  expect(await ask(question(SCRIPT))).toMatchObject({ status: "complete" });
  await watch.close();
});

test("a worker that has not learned a quirk yet can continue a session with several calls in one message", async () => {
  const { watch, ask } = await talk("llama3/words");
  await ask(question(SCRIPT));
  const worker = system.workers[0];
  await worker?.stop();
  if (worker) await system.restart(worker);
  expect(await ask(question(SCRIPT))).toMatchObject({ status: "complete" });
  await watch.close();
});

test("a session whose model sees no tools is notified once, and late subscribers and REST clients see it too", async () => {
  const told = async (model: string, script: object, reason: string) => {
    const { id, watch, ask } = await talk(model);
    // A gateway whose catch-up finds the commit before its frame sends a new version instead, and the follower loads the session.
    const live = openSubscriber(system, user, id, { marked: false });
    const isTold = ({ follower }: typeof live) =>
      follower.until((view) => view.session?.tools_ignored?.reason === reason, AbortSignal.timeout(10_000));
    for (let turn = 0; turn < 2; turn++) expect(await ask(question(script))).toMatchObject({ status: "complete" });
    await isTold(live);
    const frames = watch.frames.filter(({ type }) => type === "tools_ignored");
    expect(frames.length).toBeLessThan(2);
    const tools_ignored = { model, reason };
    expect(await user.rest.request("GET", `/api/sessions/${id}`)).toMatchObject({ body: { tools_ignored } });
    const late = openSubscriber(system, user, id, { marked: false });
    await isTold(late);
    // The count without the tools is not taken for a prompt that the server has cut.
    expect((await user.rest.messages(id)).messages.at(-1)?.context?.truncated_by_server).toBe(false);
    await Promise.all([live.close(), late.close(), watch.close()]);
  };
  await told("chatml/words", { tokens: 2 }, "template");
  await told("untold/words", { tokens: 2, prompt_tokens: 250 }, "server");
  const { id, watch, ask } = await talk("deepseek/words");
  await ask(question({ tokens: 2 }));
  expect(await user.rest.request("GET", `/api/sessions/${id}`)).toMatchObject({ body: { tools_ignored: null } });
  await watch.close();
});
