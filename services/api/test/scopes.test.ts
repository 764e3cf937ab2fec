import type { Scope } from "@boocode/contracts";
import { expect, test } from "vitest";
import { ROUTES } from "../src/app.ts";
import { newClient, useApi } from "./fixture.ts";

const fixture = useApi();
const NOTHING = "00000000-0000-4000-8000-000000000000";

/** The method and path of each operation, from the description. */
async function operations(): Promise<Map<string, { method: "GET"; url: string }>> {
  const { paths } = (await fixture.app.inject({ url: "/openapi.json" })).json();
  const found = new Map();
  for (const [path, methods] of Object.entries(paths as Record<string, Record<string, { operationId: string }>>)) {
    for (const [method, { operationId }] of Object.entries(methods))
      found.set(operationId, { method: method.toUpperCase(), url: path.replace(/\{\w+\}/g, NOTHING) });
  }
  return found;
}

test("each route answers 403 to a token that lacks its scope, and not to one that has it", async () => {
  const all: Scope[] = ["read", "ask", "admin"];
  const known = await operations();
  for (const scope of all) {
    const without = await newClient(fixture, { role: "admin", scopes: all.filter((other) => other !== scope) });
    const only = await newClient(fixture, { role: "admin", scopes: [scope] });
    for (const name of Object.keys(ROUTES[scope])) {
      const { method, url } = known.get(name) ?? expect.fail(name);
      const refused = await without.call(method, url);
      expect([name, refused.status, refused.body.error?.code]).toEqual([name, 403, "forbidden"]);
      expect([name, (await only.call(method, url)).status]).not.toEqual([name, 403]);
    }
  }
});

test("the scope `admin` gives a user who is no administrator nothing", async () => {
  const user = await newClient(fixture, { scopes: ["admin"] });
  expect((await user.call("GET", "/api/admin/users")).status).toBe(403);
});

test("an expired token is refused, and so is every token of a disabled or deleted user", async () => {
  const expired = await newClient(fixture, { expiresAt: new Date(Date.now() - 1_000) });
  expect((await expired.call("GET", "/api/me")).status).toBe(401);
  for (const column of ["disabled_at", "deleted_at"]) {
    const user = await newClient(fixture, { expiresAt: new Date(Date.now() + 60_000) });
    expect((await user.call("GET", "/api/me")).status).toBe(200);
    await fixture.pool`update users set ${fixture.pool(column)} = now() where id = ${user.userId}`;
    expect((await user.call("GET", "/api/me")).status).toBe(401);
  }
});

test("a caller learns who it is and what its token permits", async () => {
  const user = await newClient(fixture, { scopes: ["read"] });
  const { body } = await user.call("GET", "/api/me");
  expect(body).toEqual({ id: user.userId, name: user.userId, role: "user", scopes: ["read"], expires_at: null });
});
