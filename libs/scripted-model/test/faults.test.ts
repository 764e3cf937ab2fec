import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type ScriptedModel, startScriptedModel } from "../src/index.ts";
import { ask, post, requestOf } from "./ask.ts";

let model: ScriptedModel;
beforeAll(async () => {
  model = await startScriptedModel();
});
beforeEach(() => model.reset());
afterAll(() => model.close());

test("an HTTP error has the status, body and headers of the script, and only the first requests fail", async () => {
  const script = {
    key: "k",
    status: 429,
    headers: { "retry-after": "1" },
    body: { error: "busy" },
    fail_first: 2,
    tokens: 1,
  };
  for (const status of [429, 429, 200]) {
    const response = await post(model, requestOf(script));
    expect(response.status).toBe(status);
    if (status === 429) expect(response.headers.get("retry-after")).toBe("1");
    await response.text();
  }
  expect(model.requests().map((request) => request.attempt)).toEqual([1, 2, 3]);
});

test("an error frame ends the stream without a finish reason", async () => {
  const { content, chunks, text } = await ask(model, { tokens: 5, error_frame: { after_tokens: 2 } });
  expect(content).toBe("w0 w1");
  expect(chunks.at(-1)).toMatchObject({ error: { message: "Compute error." } });
  expect(text).not.toContain("[DONE]");
});

test("a clean end has no finish reason, and a cut breaks the connection", async () => {
  const ended = await ask(model, { tokens: 5, end_after_tokens: 2 });
  expect(ended).toMatchObject({ content: "w0 w1", broken: false });
  expect(ended.text).not.toContain('finish_reason":"');
  const cut = await ask(model, { tokens: 5, cut_after_tokens: 2 });
  expect(cut).toMatchObject({ content: "w0 w1", broken: true });
  expect(await model.until((request) => request.ending === "cut")).toBe(model.requests()[1]);
});

test("a cut after a number of bytes sends exactly that many bytes", async () => {
  const { text, broken } = await ask(model, { tokens: 500, cut_after_bytes: 1000 });
  expect(broken).toBe(true);
  expect(text).toHaveLength(1000);
});

test("a gate holds the stream at its position until it is released", async () => {
  const asked = ask(model, { tokens: 4, gate: { name: "middle", at: 2 } });
  await model.reached("middle");
  expect(model.requests()[0]).toMatchObject({ tokensSent: 2, ending: null });
  model.release("middle");
  expect((await asked).content).toBe("w0 w1 w2 w3");
});

test("a gate can be released and awaited over HTTP", async () => {
  const reached = fetch(`${model.url}/__gates/a%20b/reached`);
  const asked = ask(model, { tokens: 1, gate: { name: "a b", at: "headers" } });
  expect((await reached).status).toBe(200);
  expect(await (await fetch(`${model.url}/__gates`)).json()).toEqual({
    "a b": { open: false, waiting: 1, arrived: 1 },
  });
  await fetch(`${model.url}/__gates/a%20b/release`, { method: "POST" });
  expect((await asked).content).toBe("w0");
});

test("a stream that waits at a gate sends comments", async () => {
  const response = await post(model, requestOf({ tokens: 1, gate: "g", keep_alive_ms: 5 }));
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(bytes);
    if (text.includes(":\n\n:\n\n")) model.release("g");
  }
  expect(text).toContain("w0");
});

test.each([{ stall: "headers" }, { stall: 3, tokens: 10 }] as const)(
  "a stall (%o) lasts until the client disconnects, and the time is recorded",
  async (script) => {
    const leaving = new AbortController();
    const asked = post(model, requestOf({ ...script, key: "s" }), leaving.signal).then((response) => response.text());
    await model.until((request) => request.key === "s");
    const left = Date.now();
    leaving.abort();
    await expect(asked).rejects.toThrow(/abort/);
    const record = await model.until((request) => request.ending === "disconnected");
    expect(record.endedAt).toBeGreaterThanOrEqual(left - 1);
    const [over] = (await (await fetch(`${model.url}/__requests?key=s`)).json()) as Array<{ ending: string }>;
    expect(over).toMatchObject({ ending: "disconnected", tokensSent: 3 * Number("tokens" in script) });
  },
);

test("a fault can be limited to a step of the turn", async () => {
  expect((await ask(model, { tokens: 1, status: 500, fail_at_step: 1 })).status).toBe(200);
});

test("the finish reason can be set to any value", async () => {
  const { chunks } = await ask(model, { tokens: 1, finish_reason: "length" });
  expect(chunks.at(-2)?.choices?.[0]?.finish_reason).toBe("length");
});

test("a client that does not read does not make memory grow", async () => {
  const leaving = new AbortController();
  await post(model, requestOf({ key: "slow", tokens: 5_000_000, prefix: "x".repeat(900) }), leaving.signal);
  const sent = () => model.requests()[0]?.tokensSent ?? 0;
  // The count stops growing when the socket's buffers are full, and stays the same over many turns of the event loop.
  let before = -1;
  for (let still = 0; still < 20; ) {
    await (await fetch(`${model.url}/health`)).text();
    still = sent() === before && before > 0 ? still + 1 : 0;
    before = sent();
  }
  expect(before).toBeLessThan(100_000);
  leaving.abort();
  await model.until((request) => request.ending === "disconnected");
});

test("a reset forgets requests, attempts and gates", async () => {
  const held = ask(model, { tokens: 1, gate: "g" });
  await model.reached("g");
  await fetch(`${model.url}/__reset`, { method: "POST" });
  await held;
  expect(model.requests()).toEqual([]);
});

test("closing the server breaks open streams", async () => {
  const own = await startScriptedModel();
  const asked = ask(own, { tokens: 5, stall: 2 });
  await own.until((request) => request.tokensSent === 0);
  await Promise.all([own.close(), asked.catch(() => null)]);
  await expect(fetch(`${own.url}/health`)).rejects.toThrow();
});
