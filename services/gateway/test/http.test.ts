import { expect, test } from "vitest";
import { SESSION, startGateway } from "./start-gateway.ts";

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

test("a page of another origin gets no permission, and `*` permits every page", async () => {
  const allowed = async (corsOrigins: string[]) => {
    const { url } = await startGateway({ corsOrigins });
    const answer = await fetch(`${url}${EVENTS}`, { headers: { origin: "https://evil.example" } });
    return answer.headers.get("access-control-allow-origin");
  };
  expect(await allowed([])).toBeNull();
  expect(await allowed([ORIGIN])).toBeNull();
  expect(await allowed(["*"])).toBe("*");
});
