import { expect, test } from "vitest";
import { fetchModelList, KeyRefused } from "../src/fetch-model-list.ts";
import { httpServer } from "./http-server.ts";

const answering = (status: number, body: unknown) =>
  httpServer(
    (_, response) => void response.writeHead(status).end(typeof body === "string" ? body : JSON.stringify(body)),
  );

test.each<[string, unknown, string[]]>([
  ["OpenAI's", { object: "list", data: [{ id: "a" }, { id: "b" }] }, ["a", "b"]],
  ["a bare array", [{ id: "a" }], ["a"]],
  ["an array of names", ["a", "b"], ["a", "b"]],
  ["Ollama's own", { models: [{ name: "a:latest", model: "a:latest" }, { name: "b" }] }, ["a:latest", "b"]],
  ["llama-server's, with Ollama's list beside it", { models: [{ name: "x" }], data: [{ id: "a" }] }, ["a"]],
  ["one without models", { object: "list", data: null }, []],
  ["an empty one", [], []],
  ["one with broken entries", { data: [{ id: 7 }, null, {}, { id: "" }, { id: "a\nb" }, { id: "a" }] }, ["a"]],
  ["one with a model twice", { data: [{ id: "a" }, { id: "a" }] }, ["a"]],
  ["one with a name that no session can have", { data: [{ id: "x".repeat(201) }, { id: "a" }] }, ["a"]],
  ["one with a byte order mark", `\ufeff{"data":[{"id":"a"}]}`, ["a"]],
])("a model list in any form is read: %s", async (_, body, ids) => {
  expect((await fetchModelList(await answering(200, body), 5_000)).map(({ id }) => id)).toEqual(ids);
});

test.each(["null", "{}", "<html>", "7", '"x"', '{"data":{}}', "", '{"data":[{"id":'])(
  "%s is no model list",
  async (body) => {
    await expect(fetchModelList(await answering(200, body), 5_000)).rejects.toThrow("the answer is not a model list");
  },
);

test("a refused key is distinguished from an unreachable server, also when Gemini answers 400", async () => {
  const gemini = [{ error: { code: 400, message: "API key not valid. Please pass a valid API key." } }];
  for (const [status, body] of [
    [401, ""],
    [403, {}],
    [400, gemini],
  ] as const)
    await expect(fetchModelList(await answering(status, body), 5_000)).rejects.toThrow(KeyRefused);
  await expect(fetchModelList(await answering(400, {}), 5_000)).rejects.toThrow("answered 400");
});

test("a model whose id echoes a secret is not listed, and a placeholder for a key does not count as a secret", async () => {
  const list = { data: [{ id: "a", name: "sk-echo-123456" }, { id: "x-sk-echo-123456" }, { id: "lm-studio-x" }] };
  const { url } = await answering(200, list);
  const ids = async (apiKey: string) =>
    (await fetchModelList({ url, apiKey }, 5_000)).map(({ id, name }) => [id, name]);
  expect(await ids("sk-echo-123456")).toEqual([
    ["a", null],
    ["lm-studio-x", null],
  ]);
  expect((await ids("lm-studio")).length).toBe(3);
});

test("a server without a model list has the model of the settings, or says what to set", async () => {
  const azure = await answering(404, { error: { code: "404", message: "Resource not found" } });
  expect(await fetchModelList({ ...azure, defaultModel: "gpt" }, 5_000)).toMatchObject([{ id: "gpt", loaded: null }]);
  await expect(fetchModelList(azure, 5_000)).rejects.toThrow(
    "lists no models (HTTP 404): name one as default_model in MODEL_SERVERS",
  );
});
