import { describe, expect, it } from "vitest";
import { ModelFailure, type ModelRequest, type ReplyEvent } from "../../turn/ports.ts";
import { createSharedPool } from "./shared-pool.ts";
import { withRetries } from "./with-retries.ts";

const overflow = (facts: { window?: number; promptTokens?: number; visible?: boolean } = {}) =>
  new ModelFailure("context_overflow", "Context size has been exceeded.", {
    visible: facts.visible ?? false,
    overflow: { window: facts.window ?? null, promptTokens: facts.promptTokens ?? null },
  });
const ask = (sizedBy?: ModelRequest["sizedBy"]): ModelRequest => ({
  ...{ model: "m", system: "", messages: [], tools: [], toolChoice: "auto", maxTokens: 100 },
  ...(sizedBy && { sizedBy }),
});
async function* failing(failure: ModelFailure): AsyncGenerator<ReplyEvent> {
  yield* [];
  throw failure;
}
const unlimited = { server: null, model: null };

/** Sends a request five times. Returns each failure with the model's limit after it. */
async function failures(
  failure: ModelFailure,
  request: ModelRequest,
  limits = unlimited as { server: number | null; model: number | null },
) {
  let time = 0;
  const pool = createSharedPool(() => time);
  const seen: string[] = [];
  for (let round = 0; round < 5; round++) {
    const stream = pool.watch(() => failing(failure));
    pool.limit("m", limits);
    try {
      for await (const _ of stream(request, new AbortController().signal));
    } catch (error) {
      const { code, retryable, passing, status } = error as ModelFailure;
      const kind = retryable ? "busy" : passing ? "broken off" : "final";
      seen.push(`${code} ${status ?? ""} ${kind}, at once ${pool.limit("m", limits).model}`);
    }
    time += 10_000;
  }
  return seen;
}

describe("an overflow without numbers", () => {
  it("means a busy server if the server's count is far below the window, and is final the fourth time", async () => {
    const busy = "model_error 503 busy, at once";
    const final = "context_overflow  final, at once 1";
    expect(await failures(overflow(), ask("count"), { server: null, model: 8 })).toEqual([
      `${busy} 4`,
      `${busy} 2`,
      `${busy} 1`,
      final,
      final,
    ]);
  });

  it("is final the second time if only the estimate is below the window", async () => {
    expect((await failures(overflow(), ask("estimate"))).slice(0, 2)).toEqual([
      "model_error 503 busy, at once 2",
      "context_overflow  final, at once 2",
    ]);
  });

  it("is final at once if the window is unknown, and so is one with numbers", async () => {
    const final = "context_overflow  final, at once null";
    expect((await failures(overflow(), ask()))[0]).toBe(final);
    expect((await failures(overflow({ window: 8_192 }), ask("count")))[0]).toBe(final);
    expect((await failures(overflow({ promptTokens: 9_000 }), ask("count")))[0]).toBe(final);
  });

  it("breaks off an answer of which a part was visible, so that another attempt asks again", async () => {
    expect((await failures(overflow({ visible: true }), ask("count")))[0]).toMatch(/^model_error 503 broken off/);
  });

  it("lowers the limit once for all requests that it ends, for some minutes", async () => {
    let time = 0;
    const pool = createSharedPool(() => time);
    const limits = { server: 6, model: null };
    const end = async () => {
      const stream = pool.watch(() => failing(overflow()));
      await expect(stream(ask("count"), new AbortController().signal)[Symbol.asyncIterator]().next()).rejects.toThrow();
    };
    pool.limit("m", limits);
    await Promise.all([end(), end(), end()]);
    expect(pool.limit("m", limits)).toEqual({ server: 6, model: 3 });
    expect(pool.limit("other", limits)).toEqual(limits);
    time += 5 * 60_000;
    expect(pool.limit("m", limits)).toEqual(limits);
  });

  it("is retried like a busy server", async () => {
    const pool = createSharedPool(() => performance.now());
    let asked = 0;
    const stream = pool.watch(async function* (): AsyncGenerator<ReplyEvent> {
      asked += 1;
      if (asked < 3) throw overflow();
      yield { type: "text", text: "a" };
    });
    const retrying = withRetries(stream, { retries: 6, budgetMs: 60_000, loadingMs: 0 });
    const events: string[] = [];
    for await (const event of retrying(ask("count"), new AbortController().signal))
      events.push(event.type === "waiting" ? `${event.type} ${event.reason}` : event.type);
    expect(events).toEqual(["waiting busy", "waiting busy", "text"]);
  });
});
