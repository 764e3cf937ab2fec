import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** A model server whose answers take as long as the question says: `[answer TAG MS]`. */
export interface FakeModel {
  url: string;
  /** How often it changed the loaded model. */
  swaps(): number;
  /** Call before the question is posted. `firstToken` is a time of `performance.now()`. */
  call(tag: string): { firstToken: Promise<number>; ended: Promise<void> };
  stop(): void;
}

/** @param swapMs the time to load a model, at a server that holds one at a time like llama-swap; 0: it holds all */
export async function startModel(swapMs: number): Promise<FakeModel> {
  const calls = new Map<string, { speaks(at: number): void; ends(): void }>();
  let loaded: { model: string; ready: Promise<unknown> } | null = null;
  let answering = new Set<Promise<void>>();
  let swaps = 0;

  /** Waits until the model is loaded; the answers of the one before it end first. */
  async function load(model: string): Promise<void> {
    if (swapMs === 0) return;
    if (loaded?.model !== model) {
      const before = [...answering, loaded?.ready];
      answering = new Set();
      swaps += 1;
      loaded = { model, ready: Promise.all(before).then(() => sleep(swapMs)) };
    }
    await loaded.ready;
  }

  async function answer(model: string, text: string, write: (line: string) => void): Promise<void> {
    const [, tag = "", ms = "0"] = /\[answer ([\w-]+) (\d+)\](?!.*\[answer )/s.exec(text) ?? [];
    const ready = load(model);
    const done = ready.then(async () => {
      calls.get(tag)?.speaks(performance.now());
      const chunk = (content: string, finish_reason: string | null) =>
        write(`data: ${JSON.stringify({ id: "c", choices: [{ index: 0, delta: { content }, finish_reason }] })}\n\n`);
      chunk("I ", null);
      await sleep(Number(ms));
      chunk("see.", "stop");
      write("data: [DONE]\n\n");
    });
    answering.add(done);
    await done;
    answering.delete(done);
    calls.get(tag)?.ends();
  }

  const server = createServer(async (request, response) => {
    if (request.method !== "POST") {
      const running = loaded ? [{ model: loaded.model, state: "ready" }] : [];
      const isRunning = request.url?.endsWith("/running");
      if (isRunning && swapMs === 0) return response.writeHead(404).end();
      return response.end(JSON.stringify(isRunning ? { running } : { data: [{ id: "m" }, { id: "x" }, { id: "y" }] }));
    }
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const text = Buffer.concat(parts).toString();
    response.writeHead(200, { "content-type": "text/event-stream" });
    await answer(JSON.parse(text).model, text, (line) => void response.write(line));
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    swaps: () => swaps,
    call(tag) {
      const listener = { speaks: (_at: number) => {}, ends: () => {} };
      calls.set(tag, listener);
      return {
        firstToken: new Promise((resolve) => {
          listener.speaks = resolve;
        }),
        ended: new Promise((resolve) => {
          listener.ends = resolve;
        }),
      };
    },
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}
