import { readdirSync } from "node:fs";
import { basename } from "node:path";
import { createBooCodeClient } from "@boocode/client";
import { API_ERRORS } from "@boocode/contracts";
import { expect, test } from "vitest";
import { ROUTES } from "../src/routes.ts";
import { useApi } from "./fixture.ts";

const fixture = useApi();

interface Operation {
  operationId?: string;
  summary?: string;
  parameters?: object[];
  requestBody?: { content: Record<string, { schema: object }> };
  responses: Record<string, { description: string; content?: Record<string, { schema: object }> }>;
  security?: object[];
}

async function operations(): Promise<[string, Operation][]> {
  const { paths } = (await fixture.app.inject({ url: "/openapi.json" })).json();
  return Object.entries(paths as Record<string, Record<string, Operation>>).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as [string, Operation],
    ),
  );
}

const NAMES = Object.values(ROUTES).flatMap((routes) => Object.keys(routes));

test("the description lists every route of the application, by the name that app.ts gives it", async () => {
  const ids = (await operations()).map(([, { operationId }]) => operationId);
  expect(ids.sort()).toEqual(["checkAlive", "checkReady", ...NAMES].sort());
});

test("the client library has a call for every route, those of administrators apart", async () => {
  const calls: string[] = [];
  const client = createBooCodeClient({
    ...{ apiUrl: "http://api", gatewayUrl: "http://gateway", token: "t" },
    fetch: async (url, init) => {
      calls.push(`${init?.method} ${new URL(String(url)).pathname}`);
      return new Response('{"projects":[],"sessions":[]}', {
        status: 200,
        headers: { "content-type": "application/json" },
      });
    },
  });
  const { internals: _, ...rest } = client;
  // Each call takes at most two ids; its other arguments do not change the path.
  for (const call of Object.values(rest) as ((...ids: string[]) => Promise<unknown>)[]) await call("{}", "{}");
  const routes = (await operations()).map(([name]) => name.replace(/\{\w+\}/g, "{}"));
  // A search is another call of a list's route.
  expect([...new Set(calls.map((call) => call.replaceAll("%7B%7D", "{}")))].sort()).toEqual(
    routes.filter((route) => / \/api\/(?!admin\/)/.test(route)).sort(),
  );
});

test("every body and every answer has a schema, and every error status is in the table", async () => {
  const statuses = new Set<number>(Object.values(API_ERRORS).map(({ status }) => status));
  for (const [name, { requestBody, responses }] of await operations()) {
    const takesBody =
      /^(PATCH|POST .*(projects|members|sessions|messages|users|grants|\/tokens|edit|fork|shares)$)/.test(name);
    expect([name, requestBody !== undefined]).toEqual([name, takesBody]);
    // The schema must be a named component: an empty schema would accept anything.
    if (requestBody) {
      expect([name, requestBody.content["application/json"]?.schema]).toEqual([
        name,
        { $ref: expect.stringMatching(/^#\/components\/schemas\/\w+$/) },
      ]);
    }
    for (const [status, response] of Object.entries(responses)) {
      if (status !== "204")
        expect([name, status, Object.values(response.content ?? {})[0]?.schema]).not.toContain(undefined);
      if (Number(status) >= 400 && !name.endsWith("/readyz")) expect(statuses).toContain(Number(status));
    }
  }
});

test("every operation has a summary and lists its errors by status and code", async () => {
  for (const [name, { summary, parameters, requestBody, responses }] of await operations()) {
    expect([name, summary]).toEqual([name, expect.stringMatching(/^[A-Z]/)]);
    if (!name.includes("/api/")) continue;
    const expected = ["401", "403", "500", "503"];
    if (parameters || requestBody) expected.push("400");
    if (/\{id\}/.test(name)) expected.push("404");
    if (requestBody) expected.push("413", "415");
    expect([name, Object.keys(responses)]).toEqual([name, expect.arrayContaining(expected)]);
    for (const [status, { description }] of Object.entries(responses)) {
      const codes = [...description.matchAll(/`([a-z_]+)`: /g)].map(([, code]) => code as keyof typeof API_ERRORS);
      expect([name, status, codes.map((code) => String(API_ERRORS[code].status))]).toEqual([
        ...[name, status],
        Number(status) < 400 ? [] : codes.map(() => status),
      ]);
      if (Number(status) >= 400) expect([name, status, codes]).not.toEqual([name, status, []]);
    }
  }
});

test("every route has a file of its own, with the verb and noun of its name", async () => {
  const folder = new URL("../src/routes/", import.meta.url);
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  const names = files.map((file) =>
    basename(file, ".ts").replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase()),
  );
  expect(names.sort()).toEqual([...NAMES].sort());
  const idOf = Object.fromEntries((await operations()).map(([name, { operationId }]) => [name, operationId]));
  expect(idOf["PATCH /api/sessions/{id}"]).toBe("changeSession");
  expect(idOf["POST /api/sessions/{id}/messages"]).toBe("postMessage");
});

test("the description names its server relative to itself, and has no schema that is not used", async () => {
  const serverOf = async (path: string) => {
    const [server] = (await fixture.app.inject({ url: path })).json().servers;
    return new URL(server.url, `https://host/prefix${path}`).href;
  };
  expect(await serverOf("/openapi.json")).toBe("https://host/prefix/");
  expect(await serverOf("/docs/json")).toBe("https://host/prefix/");
  const text = (await fixture.app.inject({ url: "/openapi.json" })).body;
  const { schemas } = JSON.parse(text).components;
  expect(Object.keys(schemas)).toEqual(expect.arrayContaining(["Error", "Message", "PostMessageInput"]));
  for (const name of Object.keys(schemas)) expect(text).toContain(`"#/components/schemas/${name}"`);
});

test("every reference in the description resolves", async () => {
  const text = (await fixture.app.inject({ url: "/openapi.json" })).body;
  const document = JSON.parse(text);
  expect(document.openapi).toMatch(/^3\.1/);
  const references = [...text.matchAll(/"\$ref":"#\/([^"]+)"/g)].map((match) => match[1] ?? "");
  expect(references.length).toBeGreaterThan(5);
  for (const reference of references) {
    const found = reference.split("/").reduce((at, key) => at?.[key], document);
    expect([reference, typeof found]).toEqual([reference, "object"]);
  }
});

test("only the health routes need no token", async () => {
  for (const [name, { security }] of await operations()) {
    expect([name, security?.length === 0]).toEqual([name, /\/(healthz|readyz)$/.test(name)]);
  }
});

test("the pages of /docs are served with all their assets, over plain HTTP too", async () => {
  const page = await fixture.app.inject({ url: "/docs" });
  const home = page.statusCode === 302 ? await fixture.app.inject({ url: String(page.headers.location) }) : page;
  expect([home.statusCode, String(home.headers["content-type"])]).toEqual([200, expect.stringContaining("text/html")]);
  expect(home.headers["content-security-policy"]).not.toContain("upgrade-insecure-requests");
  const assets = [...home.body.matchAll(/(?:src|href)="(?:\.?\/)?((?:docs\/)?static\/[^"]+)"/g)].map(
    (match) => match[1] ?? "",
  );
  expect(assets.length).toBeGreaterThan(3);
  // Relative, so that the page also works below a path of a proxy.
  expect(home.body).not.toMatch(/(?:src|href)="\//);
  for (const asset of assets) {
    const response = await fixture.app.inject({ url: asset.startsWith("docs") ? `/${asset}` : `/docs/${asset}` });
    expect([asset, response.statusCode, response.body.length > 0]).toEqual([asset, 200, true]);
  }
  expect((await fixture.app.inject({ url: "/docs/json" })).json().openapi).toMatch(/^3\.1/);
});
