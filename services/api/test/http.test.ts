import { expect, test } from "vitest";
import { useApi } from "./fixture.ts";

const fixture = useApi();
const ORIGIN = "https://boo.example";

test("a page of an allowed origin may use every method, without credentials; one of another origin may not", async () => {
  const preflight = (origin: string, method: string, url = "/api/projects/1") =>
    fixture.app.inject({
      ...{ method: "OPTIONS", url },
      headers: {
        ...{ origin, "access-control-request-method": method },
        "access-control-request-headers": "authorization,content-type,idempotency-key",
      },
    });
  for (const method of ["GET", "POST", "PATCH", "DELETE"]) {
    const { statusCode, headers } = await preflight(ORIGIN, method);
    expect([statusCode, headers["access-control-allow-origin"]]).toEqual([204, ORIGIN]);
    expect(String(headers["access-control-allow-methods"]).split(", ")).toContain(method);
    expect(headers["access-control-allow-headers"]).toBe("authorization,content-type,idempotency-key");
    expect(headers["access-control-allow-credentials"]).toBeUndefined();
    expect(headers["access-control-max-age"]).toBe("600");
    expect(headers.vary).toContain("Origin");
  }
  const foreign = await preflight("https://evil.example", "DELETE");
  expect(foreign.headers["access-control-allow-origin"]).toBeUndefined();
});

test("a page may read refusals, too, and how long it should wait", async () => {
  const { statusCode, headers } = await fixture.app.inject({ url: "/api/projects", headers: { origin: ORIGIN } });
  expect([statusCode, headers["access-control-allow-origin"]]).toEqual([401, ORIGIN]);
  expect(headers["access-control-expose-headers"]).toBe("Retry-After");
});
