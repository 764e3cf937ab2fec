import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import {
  type ScriptedModelOptions,
  type ScriptInput,
  type ScriptQuirks,
  startScriptedModel,
} from "@boocode/scripted-model";
import { expect, onTestFinished, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

async function probe(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const command = ["--import", "tsx", "scripts/probe.ts", ...args];
  return await new Promise((resolve) => {
    execFile(process.execPath, command, { cwd: ROOT }, (error, out, err) => {
      resolve({ code: error ? Number(error.code) : 0, out, err });
    });
  });
}

async function server(options: ScriptedModelOptions = {}, allowed = /^$/): Promise<string> {
  const model = await startScriptedModel(options);
  onTestFinished(async () => {
    await model.close();
    expect(model.violations().filter(({ rule }) => !allowed.test(rule))).toEqual([]);
  });
  return model.url;
}

const call = (city: string) => ({ name: "get_weather", arguments: { city } });
const scripted = (more: ScriptInput) =>
  `[[script ${JSON.stringify({ tokens: 5, tool_depth: 1, tool: [call("Paris"), call("Rome")], ...more })}]]`;

/** The findings, by name. */
const found = (out: string) =>
  Object.fromEntries(out.split("\n").map((line) => [line.slice(0, 22).trim(), line.slice(22).trim()]));

test("a server like llama.cpp needs no settings but its name and address", async () => {
  const url = await server();
  const { code, out } = await probe(`${url}/v1`, "--model", "words", "--script", scripted({ interval_ms: 20 }));
  expect(code).toBe(0);
  expect(found(out)).toMatchObject({
    server: url,
    probed: "words",
    window: "131072 tokens",
    usage: "on a chunk of its own",
    "end of a stream": 'finish reason "stop" and [DONE]',
    tools: "2 called; ids one for each call; indexes counted; arguments in pieces",
    "parallel calls": "yes",
    results: "taken",
    "a client that leaves": "stops generation",
  });
  expect(out).toContain(`MODEL_SERVERS=[{"name":"NAME","url":"${url}","default_model":"words"}]`);
});

test("the quirks of a server are found, and the settings for them printed", async () => {
  const url = await server({ contextSize: null });
  const quirks = {
    ids: "missing",
    index: "zero",
    object_arguments: true,
    no_done: true,
    reasoning: "reasoning",
  } as const;
  const script = scripted({ usage: "finish", reasoning_tokens: 2, quirks });
  const { code, out } = await probe(url, "--model", "words", "--script", script);
  expect(code).toBe(0);
  expect(found(out)).toMatchObject({
    window: expect.stringContaining("not reported"),
    usage: "on the finish chunk",
    thoughts: "reasoning",
    "end of a stream": expect.stringContaining("without [DONE]"),
    tools: "2 called; ids missing; indexes the same for all; arguments as objects",
  });
  expect(out).toContain('"context_size":32768');
});

test("a model that does not see tools is reported, whether the server says so or its token counts show it", async () => {
  const tools = async (options: ScriptedModelOptions, script: ScriptInput = {}) => {
    const directive = `[[script ${JSON.stringify({ tokens: 5, ...script })}]]`;
    return found((await probe(await server(options), "--model", "words", "--script", directive)).out).tools;
  };
  expect(await tools({ quirks: { ignores_tools: true } })).toMatch(/^ignored/);
  expect(await tools({ contextSize: null }, { prompt_tokens: 40 })).toMatch(/^ignored/);
  expect(await tools({}, { usage: "none" })).toBe("accepted, but the model called none");
  expect(await tools({})).toBe("accepted, but the model called none");
});

test.each<[string, ScriptQuirks, string, object]>([
  ["refuses stream_options", { no_stream_options: true }, "taken", { no_stream_options: true }],
  ["requires reasoning to be sent back", { replayed_reasoning: "required" }, "taken", { replay_reasoning: true }],
  [
    "rejects several calls at once",
    { single_tool_calls: true },
    "taken one call at a time",
    { single_tool_calls: true },
  ],
])("a server that %s has a setting for it", async (_, quirks, results, settings) => {
  // The probe has to try sending reasoning back, which is a violation for every other server.
  const url = await server({ quirks, contextSize: null }, /unknown reasoning_content/);
  const { code, out } = await probe(url, "--model", "words", "--script", scripted({ reasoning_tokens: 2 }));
  expect(code).toBe(0);
  expect(found(out).results).toBe(results);
  expect(out).toContain(`"quirks":${JSON.stringify(settings)}`);
});

test("no_tools is suggested for a server whose only model takes no tools", async () => {
  const reply = { choices: [{ message: { content: "hello" }, finish_reason: "stop" }] };
  const url = await plainServer((path, body) => {
    if (path.endsWith("/models")) return [200, { data: [{ id: "plain" }] }];
    if (!path.includes("/chat/completions")) return [404, {}];
    return body.includes('"tools"') ? [400, { error: { message: "plain does not support tools" } }] : [200, reply];
  });
  const { out } = await probe(url);
  expect(found(out).tools).toBe("refused: plain does not support tools");
  expect(out).toContain('"quirks":{"no_tools":true}');
});

/** Starts a server that answers each request with a status and JSON. */
async function plainServer(answer: (path: string, body: string) => [number, object]): Promise<string> {
  const http = createServer(async (request, response) => {
    const [status, body] = answer(request.url ?? "", (await request.toArray()).join(""));
    response.writeHead(status).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void http.close());
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}

test("a server without a model list is probed with the model from --model or from its URL", async () => {
  const reply = { choices: [{ message: { content: "hello" }, finish_reason: "stop" }] };
  const url = await plainServer((path) => (path.includes("/chat/completions") ? [200, reply] : [404, {}]));
  expect((await probe(url)).err).toBe(`npm run probe: ${url} lists no models: name one with --model\n`);
  const named = await probe(`${url}/openai/deployments/gpt?api-version=1`);
  expect(found(named.out)).toMatchObject({ probed: "gpt" });
});

test("a broken connection is reported in one line, at any request", async () => {
  const url = await server({ scripts: { cutting: { cut_after_tokens: 0 } } });
  const first = await probe(url, "--model", "cutting");
  expect(first.code).toBe(1);
  expect(first.err).toMatch(/^npm run probe: cutting broke off without an answer: .+\n$/);
  const later = await probe(url, "--model", "words", "--script", scripted({ fail_at_step: 1, cut_after_tokens: 0 }));
  expect(later.code).toBe(1);
  expect(later.err).toMatch(/^npm run probe: words broke off without an answer: .+\n$/);
  expect((await probe(url, "--modell", "words")).err).toMatch(/^npm run probe: .*--modell.*\nusage: /s);
});

test("a server that keeps generating after a disconnect is reported", async () => {
  const url = await server();
  const script = scripted({ tokens: 20, step_tokens: 20, interval_ms: 20, quirks: { survives_disconnect: true } });
  const { out } = await probe(url, "--model", "words", "--script", script);
  expect(found(out)["a client that leaves"]).toMatch(/does NOT stop/);
});

test("an absent server, an unknown model, a refusal and a missing key are each reported in one line", async () => {
  const url = await server({ scripts: { refusing: { status: 401, body: { error: { message: "no key" } } } } });
  const closed = await startScriptedModel();
  await closed.close();
  const gone = await probe(closed.url);
  expect(gone).toMatchObject({ code: 1, out: "" });
  expect(gone.err).toContain(`${closed.url} is away or no model server: the connection was refused`);
  expect((await probe(url, "--model", "nobody")).err).toContain(
    "the server lists no model nobody; it has investigator",
  );
  expect((await probe(url, "--key-env", "NOT_SET_ANYWHERE")).err).toContain("NOT_SET_ANYWHERE is not set");
  expect((await probe(url, "--model", "refusing")).err).toContain("refusing does not answer: 401 no key");
  expect((await probe("nonsense")).err).toContain("usage: npm run probe");
});
