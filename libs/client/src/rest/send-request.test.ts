import { API_ERRORS } from "@boocode/contracts";
import { expect, test } from "vitest";
import { createFakeClock } from "../../test/fake-clock.ts";
import { createBooCodeClient } from "../create-client.ts";

type Answer = { status: number; body?: unknown; retryAfter?: string } | "lost" | "silent";

function setUp(answers: Answer[]) {
  const clock = createFakeClock();
  const requests: { method: string; url: string; headers: Record<string, string>; body: unknown }[] = [];
  const client = createBooCodeClient({
    apiUrl: "http://api/",
    gatewayUrl: "http://gateway",
    token: () => "secret",
    ...clock,
    random: () => 0.5,
    fetch: (async (url: string, init: RequestInit) => {
      requests.push({
        method: init.method ?? "",
        url,
        headers: init.headers as Record<string, string>,
        body: init.body === undefined ? undefined : JSON.parse(String(init.body)),
      });
      const answer = answers.shift() ?? "lost";
      if (answer === "lost") throw new TypeError("fetch failed");
      if (answer === "silent") {
        await new Promise((_, reject) => init.signal?.addEventListener("abort", () => reject(init.signal?.reason)));
      }
      const { status, body, retryAfter } = answer as Exclude<Answer, string>;
      const headers = { ...(retryAfter !== undefined && { "retry-after": retryAfter }) };
      return new Response(body === undefined ? null : JSON.stringify(body), { status, headers });
    }) as typeof fetch,
  });
  return { clock, client, requests };
}

const unavailable = { status: 503, body: { error: { code: "unavailable", message: "away" } } };

test("every code of the error table becomes an error with its status and whether it is retryable", async () => {
  for (const [code, { status, retry }] of Object.entries(API_ERRORS)) {
    const { client } = setUp([{ status, body: { error: { code, message: "why" } } }]);
    await expect(client.getSession("s")).rejects.toMatchObject({ code, status, message: "why", retryable: retry });
  }
});

test("a post with a key is retried after lost answers and 503, with the same key and body", async () => {
  const { client, clock, requests } = setUp(["lost", unavailable, { status: 202, body: { turn_id: "t" } }]);
  const posted = client.postMessage("s", { content: "hi" }, { retry: { attempts: 3 } });
  await clock.advance(1_000);
  expect(await posted).toEqual({ turn_id: "t" });
  expect(requests.length).toBe(3);
  expect(requests[0]?.headers["idempotency-key"]).toMatch(/^[0-9a-f-]{36}$/);
  expect(new Set(requests.map((request) => JSON.stringify(request))).size).toBe(1);
  expect(requests[0]).toMatchObject({ url: "http://api/api/sessions/s/messages", body: { content: "hi" } });
  expect(requests[0]?.headers.authorization).toBe("Bearer secret");
  expect(clock.pending()).toBe(0);
});

test("a request without `retry`, one that is not idempotent, and one that is refused are sent once", async () => {
  for (const send of [
    (client: ReturnType<typeof setUp>["client"]) => client.postMessage("s", { content: "hi" }, { idempotencyKey: "k" }),
    (client: ReturnType<typeof setUp>["client"]) => client.cancel("s", {}, { retry: { attempts: 5 } }),
    (client: ReturnType<typeof setUp>["client"]) =>
      client.createProject({ name: "p", path: "/" }, { retry: { attempts: 5 } }),
  ]) {
    const { client, requests } = setUp([unavailable]);
    await expect(send(client)).rejects.toMatchObject({ code: "unavailable" });
    expect(requests.length).toBe(1);
  }
  const { client, requests } = setUp([{ status: 409, body: { error: { code: "session_busy", message: "" } } }]);
  await expect(client.postMessage("s", { content: "hi" }, { retry: { attempts: 5 } })).rejects.toMatchObject({
    code: "session_busy",
    retryable: true,
  });
  expect(requests.length).toBe(1);
});

test("stops after the given number of attempts", async () => {
  const { client, clock, requests } = setUp([]);
  const read = expect(client.listProjects({ retry: { attempts: 3 } })).rejects.toMatchObject({
    code: "network",
    status: 0,
  });
  await clock.advance(10_000);
  await read;
  expect(requests.length).toBe(3);
});

test("a request that times out counts as a lost connection, and leaves no timer", async () => {
  const { client, clock } = setUp(["silent"]);
  const read = expect(client.getProject("p")).rejects.toMatchObject({ code: "network", retryable: true });
  await clock.advance(30_000);
  await read;
  expect(clock.pending()).toBe(0);
});

test("an aborted request throws the signal's reason, also during a back-off", async () => {
  const { client, clock } = setUp(["lost", "lost"]);
  const abort = new AbortController();
  const read = expect(client.listProjects({ retry: { attempts: 9 }, signal: abort.signal })).rejects.toThrow("enough");
  await clock.advance(0);
  abort.abort(new Error("enough"));
  await read;
  expect(clock.pending()).toBe(0);
});

test("an answer from a proxy is reported with its status", async () => {
  const { client } = setUp([{ status: 502 }, { status: 404 }]);
  await expect(client.listModels()).rejects.toMatchObject({ code: "unexpected", status: 502, retryable: true });
  await expect(client.listModels()).rejects.toMatchObject({ code: "unexpected", status: 404, retryable: false });
});

test("a retry waits as long as `Retry-After` says, and a wait of more than a minute is left to the caller", async () => {
  const limited = (retryAfter: string) => ({
    ...{ status: 429, retryAfter },
    body: { error: { code: "rate_limited", message: "too fast" } },
  });
  const { client, clock, requests } = setUp([limited("7"), { status: 200, body: { id: "s" } }]);
  const read = client.getSession("s", { retry: { attempts: 2 } });
  await clock.advance(6_999);
  expect(requests.length).toBe(1);
  await clock.advance(1_000);
  expect(await read).toEqual({ id: "s" });
  const patient = setUp([limited("61")]);
  await expect(patient.client.getSession("s", { retry: { attempts: 2 } })).rejects.toMatchObject({
    ...{ code: "rate_limited", status: 429, retryAfterMs: 61_000 },
  });
  expect(patient.requests.length).toBe(1);
});
