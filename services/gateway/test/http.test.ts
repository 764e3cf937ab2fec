import { expect, test } from "vitest";
import { CALLER, SESSION, startGateway } from "./start-gateway.ts";

const ORIGIN = "https://boo.example";
const EVENTS = `/api/sessions/${SESSION}/events`;

test("a page of an allowed origin may open an event stream and read its refusal, without credentials", async () => {
  const { url } = await startGateway({ corsOrigins: ["https://other.example", ORIGIN] });
  const preflight = await fetch(`${url}${EVENTS}`, {
    method: "OPTIONS",
    headers: {
      ...{ origin: ORIGIN, "access-control-request-method": "GET" },
      "access-control-request-headers": "authorization,last-event-id",
    },
  });
  expect([preflight.status, Object.fromEntries(preflight.headers)]).toEqual([
    204,
    expect.objectContaining({
      "access-control-allow-origin": ORIGIN,
      "access-control-allow-methods": "GET",
      "access-control-allow-headers": "authorization,last-event-id",
      "access-control-max-age": "600",
      vary: "Origin",
    }),
  ]);
  for (const [headers, status] of [
    [{ origin: ORIGIN, authorization: "Bearer t" }, 200],
    [{ origin: ORIGIN }, 401],
  ] as const) {
    const answer = await fetch(`${url}${EVENTS}`, { headers });
    expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([status, ORIGIN]);
    expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
    await answer.body?.cancel();
  }
});

test("a query is as strict as the API's: an unknown or repeated parameter is refused", async () => {
  const { url } = await startGateway();
  for (const path of [EVENTS, "/api/user/events"]) {
    for (const query of ["cursr=1", "cursor=1.0.0.0&cursor=1.0.0.0", "cursor=1&access_token=t"]) {
      const answer = await fetch(`${url}${path}?${query}`, { headers: { authorization: "Bearer t" } });
      expect([path, query, answer.status]).toEqual([path, query, 400]);
      expect(await answer.json()).toMatchObject({ error: { code: "invalid_request" } });
    }
  }
});

test("a page of another origin gets no permission, and `*` permits every page", async () => {
  const allowed = async (corsOrigins: string[], origin = "https://evil.example") => {
    const { url } = await startGateway({ corsOrigins });
    const answer = await fetch(`${url}${EVENTS}`, { headers: { origin } });
    return answer.headers.get("access-control-allow-origin");
  };
  expect(await allowed([])).toBeNull();
  for (const other of [
    "https://evil.example",
    "null",
    `${ORIGIN}:8443`,
    `${ORIGIN}.evil.example`,
    "http://boo.example",
  ]) {
    expect([other, await allowed([ORIGIN], other)]).toEqual([other, null]);
  }
  expect(await allowed(["*"])).toBe("*");
  expect(await allowed(["*", ORIGIN], "null")).toBe("*");
});

test("a refusal says how to authenticate and which method is taken; a trailing slash is the same path", async () => {
  const { url } = await startGateway({ findCaller: async (token) => (token === "t" ? CALLER : null) });
  const ask = (path: string, init: RequestInit = {}) => fetch(`${url}${path}`, init);
  const challenged = await ask(EVENTS);
  expect([challenged.status, challenged.headers.get("www-authenticate")]).toEqual([401, 'Bearer realm="boocode"']);
  const unknown = await ask(EVENTS, { headers: { authorization: "Bearer x" } });
  expect(unknown.headers.get("www-authenticate")).toBe('Bearer realm="boocode", error="invalid_token"');
  for (const method of ["POST", "DELETE", "HEAD"]) {
    const wrong = await ask(EVENTS, { method });
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "GET"]);
  }
  expect((await ask("/api/nothing/events", { method: "POST" })).status).toBe(404);
  for (const path of ["/api/ws/user", `/api/ws/sessions/${SESSION}/`]) {
    const plain = await ask(path);
    expect([plain.status, plain.headers.get("upgrade")]).toEqual([426, "websocket"]);
  }
  expect((await ask("/api/ws/nothing")).status).toBe(404);
  for (const path of [`${EVENTS}/`, "/api/user/events/?cursor=1"]) {
    const answer = await ask(path, { headers: { authorization: "Bearer t" } });
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/event-stream; charset=utf-8"]);
    await answer.body?.cancel();
  }
});
