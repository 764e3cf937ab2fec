import type { Caller } from "@boocode/identity";
import { connectPostgres } from "@boocode/runtime";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { type Client, clientOf, newClient, newSession, useApi } from "./fixture.ts";

describe("while Redis hangs", () => {
  const fixture = useApi();
  let me: Client;
  let session: string;

  beforeAll(async () => {
    me = await newClient(fixture);
    session = `/api/sessions/${(await newSession(fixture, me)).sessionId}`;
  });
  afterEach(async () => {
    await fixture.server.kill("SIGCONT");
    await vi.waitFor(() => fixture.redis.ping(), { timeout: 10_000, interval: 20 });
  });

  test("a post and every other change are stored and accepted without delay", async () => {
    await fixture.server.kill("SIGSTOP");
    const startedAt = performance.now();
    const posted = await me.call("POST", `${session}/messages`, { content: "x" });
    expect(performance.now() - startedAt).toBeLessThan(900);
    expect(posted.status).toBe(202);
    expect((await me.call("PATCH", session, { name: "n" })).status).toBe(200);
    expect((await me.call("POST", `${session}/cancel`)).body).toMatchObject({ turn_id: posted.body.turn_id });
    expect((await me.call("GET", `${session}/messages`)).body.messages).toHaveLength(1);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    await vi.waitFor(() => expect(fixture.announceErrors.length).toBeGreaterThan(0), { timeout: 5_000 });
  });

  test("readiness reports only Redis as down, and liveness is ok", async () => {
    await fixture.server.kill("SIGSTOP");
    const [ready, alive] = await Promise.all([me.call("GET", "/readyz"), me.call("GET", "/healthz")]);
    expect(ready).toMatchObject({
      status: 503,
      body: { status: "not_ready", dependencies: { postgres: "ok", redis: "down" } },
    });
    expect(alive).toMatchObject({ status: 200, body: { status: "ok" } });
  });

  test("a ticket is refused with 503 and Retry-After", async () => {
    await fixture.server.kill("SIGSTOP");
    const answer = await me.call("POST", "/api/ws-tickets");
    expect([answer.status, answer.body.error.code, answer.headers["retry-after"]]).toEqual([503, "unavailable", "1"]);
  });
});

const CALLER: Caller = {
  ...{ userId: "u", userName: "ada", role: "user", tokenId: "t" },
  ...{ scopes: ["read", "ask"], expiresAt: null },
};

describe("while Postgres is away", () => {
  const nowhere = connectPostgres("postgres://u:p@127.0.0.1:1/none", { name: "test", connections: 1 });
  afterAll(() => nowhere.end({ timeout: 1 }));
  const fixture = useApi({
    pool: nowhere,
    findCaller: async (token) => (token === "known" ? CALLER : await findNobody()),
  });
  const findNobody = async () => {
    await nowhere`select 1`;
    return null;
  };

  test("requests are answered with 503 and Retry-After, with or without a known token", async () => {
    for (const token of ["known", "unknown"]) {
      const answer = await clientOf(fixture, token).call("GET", "/api/projects");
      expect([answer.status, answer.body.error.code, answer.headers["retry-after"]]).toEqual([503, "unavailable", "1"]);
    }
  });
});
