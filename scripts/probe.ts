import { parseArgs } from "node:util";
import {
  defaultModel,
  deploymentOf,
  fetchModelList,
  KeyRefused,
  type ListedModel,
  ModelServerEntry,
  NO_TRAITS,
  NoModelList,
  readServerUrl,
  type ServerAddress,
  type ServerTraits,
  secretsOf,
} from "@boocode/model-servers";
import { keepSecret, scrub } from "@boocode/runtime";
import { createContextSize } from "../services/worker/src/model/discovery/context-size.ts";
import { createKnownTraits, traitRevealedBy } from "../services/worker/src/model/discovery/known-traits.ts";
import { refusesAnswerLimit } from "../services/worker/src/model/failures/answer-limit.ts";
import { errorText } from "../services/worker/src/model/failures/error-text.ts";
import { finishOf, reasoningShape, textOf, usageShape } from "./probe/answer-shape.ts";
import { askRaw, type Probed } from "./probe/ask-raw.ts";
import { stopsOnDisconnect } from "./probe/probe-disconnect.ts";
import { ProbeFailed } from "./probe/probe-failed.ts";
import { probeTools } from "./probe/probe-tools.ts";

/**
 * `npm run probe -- URL [--model M] [--key-env NAME] [--script DIRECTIVE]`: tests what a model server supports, and prints
 * the result and the MODEL_SERVERS entry to use. `--script` is for the scripted model, which needs directives where a
 * language model understands a question. The probe sends about seven short requests, and one that it aborts.
 */
const USAGE = "npm run probe -- URL [--model MODEL] [--key-env NAME_OF_A_VARIABLE]";

const OPTIONS = { model: { type: "string" }, "key-env": { type: "string" }, script: { type: "string" } } as const;

function parseOptions() {
  try {
    return parseArgs({ allowPositionals: true, options: OPTIONS });
  } catch (error) {
    throw new ProbeFailed(`${(error as Error).message}\nusage: ${USAGE}`);
  }
}

function readArguments() {
  const { values, positionals } = parseOptions();
  const url = ModelServerEntry.shape.url.safeParse(positionals[0]);
  if (!url.success || positionals.length !== 1) throw new ProbeFailed(`usage: ${USAGE}`);
  const keyEnv = values["key-env"];
  const apiKey = keyEnv === undefined ? null : (process.env[keyEnv]?.trim() ?? null);
  if (keyEnv !== undefined && apiKey === null) throw new ProbeFailed(`${keyEnv} is not set`);
  const address = { ...readServerUrl(url.data), apiKey };
  if (address.basicAuth !== null && apiKey !== null)
    throw new ProbeFailed("--key-env and user:password@ exclude each other");
  for (const secret of secretsOf(address)) keepSecret(secret);
  return { address, model: values.model, keyEnv, script: values.script ?? "" };
}

const IGNORED = "ignored: the model does not see them, and answers without having read any code";

const say = (what: string, found: string) => console.log(scrub(`${what.padEnd(22)} ${found}`));

/** @param asked the only model of a server that lists none */
async function listModels(address: ServerAddress, asked: string | undefined): Promise<ListedModel[]> {
  const { url } = address;
  const listed = { ...address, defaultModel: asked ?? deploymentOf(url) };
  return await fetchModelList(listed, 10_000).catch((error: Error) => {
    if (error instanceof NoModelList) throw new ProbeFailed(`${url} lists no models: name one with --model`);
    if (error instanceof KeyRefused) throw new ProbeFailed(`${url} ${error.message}`);
    throw new ProbeFailed(`${url} is away or no model server: ${error.message}`);
  });
}

function chooseModel(models: ListedModel[], asked: string | undefined): string {
  if (asked !== undefined && !models.some(({ id }) => id === asked)) {
    throw new ProbeFailed(
      `the server lists no model ${asked}; it has ${models.map(({ id }) => id).join(", ") || "none"}`,
    );
  }
  const server = { name: "probed", url: "", defaultModel: null } as never;
  const model =
    asked ?? defaultModel([{ server, models, lastModels: null, error: null, keyRefused: false }], undefined)?.model;
  if (!model) throw new ProbeFailed("the server lists no model: name one with --model");
  return model;
}

/** @returns whether the server accepts `stream_options` */
async function probeStream(server: Probed, script: string): Promise<boolean> {
  const messages = [{ role: "user", content: `Say hello in five words. ${script}` }];
  let answer = await askRaw(server, { messages, stream_options: { include_usage: true } });
  const refused = answer.status >= 400 && answer.refusal.includes("stream_options");
  if (refused) answer = await askRaw(server, { messages });
  if (answer.status !== 200)
    throw new ProbeFailed(`${server.model} does not answer: ${answer.status} ${errorText(answer.refusal)}`);
  if (answer.error)
    throw new ProbeFailed(`${server.model} broke off: ${errorText(JSON.stringify({ error: answer.error }))}`);
  say("answer", `${JSON.stringify(textOf(answer.chunks).slice(0, 60))} after ${answer.firstByteMs} ms`);
  const end = answer.isDone ? "and [DONE]" : "without [DONE]";
  say("end of a stream", `finish reason ${JSON.stringify(finishOf(answer.chunks))} ${end}`);
  say("usage", usageShape(answer.chunks) + (refused ? "; stream_options are refused" : ""));
  say("thoughts", reasoningShape(answer.chunks));
  return !refused;
}

/** Tries the two names for the limit of an answer's tokens. */
async function probeAnswerLimit(server: Probed, script: string) {
  const messages = [{ role: "user", content: `Say hello in five words. ${script}` }];
  for (const name of ["max_tokens", "max_completion_tokens"] as const) {
    const { status, refusal } = await askRaw(server, { messages, [name]: 100 });
    if (status < 400 || !refusesAnswerLimit(refusal))
      return { said: name, traits: { max_completion_tokens: name === "max_completion_tokens", no_max_tokens: false } };
  }
  return { said: "refused", traits: { max_completion_tokens: false, no_max_tokens: true } };
}

const refusesTools = (body: string) => traitRevealedBy({ status: null, body }, NO_TRAITS) === "no_tools";

async function main(): Promise<void> {
  const { address, model: asked, keyEnv, script } = readArguments();
  const { url } = address;
  const models = await listModels(address, asked);
  const model = chooseModel(models, asked);
  say("server", url);
  say("models", models.map(({ id, loaded }) => id + (loaded === null ? "" : loaded ? " (loaded)" : "")).join(", "));
  say("probed", model);
  const server: Probed = { ...address, model };
  const takesStreamOptions = await probeStream(server, script);

  // Requested only after an answer: before the first one, this request would make a proxy load the model.
  const reported = createKnownTraits();
  const sizes = createContextSize({ server, timeoutMs: 5_000, onTraits: reported.learn });
  const window = await sizes.get(model);
  say(
    "window",
    window === null ? "not reported: set context_size, or it is learned from overflows" : `${window} tokens`,
  );

  const limit = await probeAnswerLimit(server, script);
  say("limit of an answer", limit.said);

  const tools = await probeTools(server, script, takesStreamOptions);
  const ignored = tools.shape === null && (tools.ignored || sizes.seesTools(model) === false);
  const seesNoTools = ignored || (tools.refused !== null && refusesTools(tools.refused));
  // A setting counts for all models of a server. Of several, the worker learns which see no tools.
  const isOnlyModel = models.length <= 1;
  if (tools.refused !== null) say("tools", `refused: ${errorText(tools.refused)}`);
  else if (tools.shape === null) say("tools", ignored ? IGNORED : "accepted, but the model called none");
  else {
    const { calls, ids, indexes, arguments: given } = tools.shape;
    say("tools", `${calls} called; ids ${ids}; indexes ${indexes}; arguments ${given}`);
    say("parallel calls", calls > 1 ? "yes" : "not seen");
    const taken = tools.traits.single_tool_calls ? "taken one call at a time" : "taken";
    say("results", tools.replayRefused === null ? taken : `refused: ${errorText(tools.replayRefused)}`);
  }
  const stops = await stopsOnDisconnect(server, script);
  const found = {
    true: "stops generation",
    false: "does NOT stop generation: cancelled turns go on costing",
    null: "cannot be seen from outside",
  };
  say("a client that leaves", found[String(stops) as keyof typeof found]);

  const traits: ServerTraits = {
    replay_reasoning: tools.traits.replay_reasoning,
    no_stream_options: !takesStreamOptions,
    single_tool_calls: tools.traits.single_tool_calls || reported.of(model).single_tool_calls,
    ...limit.traits,
    no_tools: seesNoTools && isOnlyModel,
  };
  const quirks = Object.fromEntries(Object.entries(traits).filter(([, has]) => has));
  const entry = {
    name: "NAME",
    url,
    ...(keyEnv && { api_key_env: keyEnv }),
    default_model: model,
    ...(window === null && { context_size: 32_768 }),
    ...(Object.keys(quirks).length > 0 && { quirks }),
  };
  console.log(`\nMODEL_SERVERS=${JSON.stringify([entry])}`);
}

main().catch((error: unknown) => {
  if (!(error instanceof ProbeFailed)) throw error;
  console.error(scrub(`npm run probe: ${error.message}`));
  process.exitCode = 1;
});
