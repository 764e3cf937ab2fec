import { randomUUID } from "node:crypto";
import { gzipSync } from "node:zlib";
import { API_ERRORS, ErrorBody } from "@boocode/contracts";
import { DEFAULT_LIMITS } from "@boocode/limits";
import { revokeTokens } from "@boocode/store";
import { beforeAll, expect, test } from "vitest";
import { type Answer, BODY_LIMIT, type Client, dump, newClient, newSession, useApi } from "./fixture.ts";

// The defaults, but for bursts of posts.
const limits = { ...DEFAULT_LIMITS, posts_per_minute: 1_200 };
const fixture = useApi({
  limits: { user: limits, admin: limits },
  restrictsModels: true,
  mayUseModel: async (model, role) => model !== "costly" || role === "admin",
  listModels: () => {
    throw new TypeError("the password is hunter2");
  },
});

let me: Client;
let session: string;
let project: string;

beforeAll(async () => {
  me = await newClient(fixture);
  const ids = await newSession(fixture, me);
  [session, project] = [`/api/sessions/${ids.sessionId}`, `/api/projects/${ids.projectId}`];
});

/** Expects an error with this code and the code's status, and an unchanged database. */
async function refused(code: keyof typeof API_ERRORS, ask: () => Promise<Answer>): Promise<Answer> {
  const before = await dump(fixture);
  const answer = await ask();
  const { error } = ErrorBody.parse(answer.body);
  expect([error.code, answer.status]).toEqual([code, API_ERRORS[code].status]);
  expect(await dump(fixture)).toEqual(before);
  return answer;
}

const raw = (payload: string, type = "application/json") =>
  me.call("POST", `${session}/messages`, payload, { "content-type": type });

test.each(["{", "", "{'content': 1}", '{"content":"x"', "\0", '{"__proto__":{"content":"x"},"content":"x"}'])(
  "a body that is not JSON, %j, is refused",
  async (payload) => {
    await refused("invalid_request", () => raw(payload));
  },
);

test.each([
  ["null", null],
  ["a list", []],
  ["a text", "why?"],
  ["nothing in it", {}],
  ["a wrong type", { content: 7 }],
  ["an unknown field", { content: "x", role: "system" }],
  ["an unknown policy", { content: "x", when_busy: "later" }],
  ["no words", { content: " \n" }],
  ["too many characters", { content: "x".repeat(100_001).slice(0, 60_000), when_busy: 1 }],
])("a message with %s is refused, and the error says where the mistake is", async (_what, body) => {
  const answer = await refused("invalid_request", () => raw(JSON.stringify(body)));
  expect(answer.body.error.details[0].path).toMatch(/^body(\.[a-z_]+)*$/);
});

test("an unknown or repeated parameter of a query is refused by every route, before anything is done", async () => {
  const all = await newClient(fixture, { role: "admin", scopes: ["read", "ask", "admin"] });
  const { paths } = (await fixture.app.inject({ url: "/openapi.json" })).json();
  const routes = Object.entries(paths as Record<string, Record<string, { parameters?: Parameter[] }>>).flatMap(
    ([path, methods]) => Object.entries(methods).map(([method, { parameters = [] }]) => ({ path, method, parameters })),
  );
  expect(routes.length).toBeGreaterThan(40);
  const before = await dump(fixture);
  // Probes add parameters of their own to the health checks.
  const checked = routes.filter(({ path }) => path !== "/healthz" && path !== "/readyz");
  for (const { path, method, parameters } of checked) {
    const url = path.replace(/\{\w+\}/g, randomUUID());
    const known = parameters.filter((one) => one.in === "query").map(({ name }) => `${name}=1&${name}=1`);
    for (const query of ["befor=1", "befor", "=1", "__proto__=1", "limit[]=1", ...known]) {
      const answer = await all.call(method.toUpperCase() as "GET", `${url}?${query}`);
      expect([method, path, query, answer.status, answer.body.error?.code]).toEqual([
        ...[method, path, query, 400],
        "invalid_request",
      ]);
    }
  }
  expect(await dump(fixture)).toEqual(before);
});

interface Parameter {
  in: string;
  name: string;
}

test("invalid names, prompts and changes are refused", async () => {
  for (const name of ["", " ", "a\nb", "a\0b", "\ud800", "x".repeat(201), null, 7]) {
    await refused("invalid_request", () => me.call("PATCH", project, { name }));
    await refused("invalid_request", () => me.call("PATCH", session, { name }));
    await refused("invalid_request", () => me.call("POST", "/api/projects", { name, path: fixture.root }));
    await refused("invalid_request", () => me.call("POST", `${project}/sessions`, { name }));
  }
  await refused("invalid_request", () => me.call("PATCH", session, {}));
  await refused("invalid_request", () => me.call("PATCH", session, { model: "a\0b" }));
  await refused("invalid_request", () => me.call("PATCH", session, { system_prompt: "x".repeat(50_001) }));
});

test.each([
  "limit=0",
  "limit=1001",
  "limit=x",
  "limit=1.5",
  "before=0",
  "before=-1",
  "before=99999999999",
  "unknown=1",
])("a page of messages with %s is refused", async (query) => {
  await refused("invalid_request", () => me.call("GET", `${session}/messages?${query}`));
});

test.each(["", "with space", "x".repeat(256), "ü"])("the idempotency key %j is refused", async (key) => {
  await refused("invalid_request", () =>
    me.call("POST", `${session}/messages`, { content: "x" }, { "idempotency-key": key }),
  );
});

test("a body over the size limit and a body of another type are refused with their own codes", async () => {
  await refused("body_too_large", () => raw(JSON.stringify({ content: "x".repeat(BODY_LIMIT) })));
  await refused("unsupported_media_type", () => raw("content=x", "application/x-www-form-urlencoded"));
  await refused("unsupported_media_type", () => raw("<x/>", "text/xml"));
  await refused("unsupported_media_type", () => raw('{"content":"x"}', "text/plain"));
});

test("a compressed body is refused as one, whatever it holds", async () => {
  const encoded = (encoding: string) =>
    me.call("POST", `${session}/messages`, gzipSync('{"content":"x"}'), {
      ...{ "content-type": "application/json", "content-encoding": encoding },
    });
  for (const encoding of ["gzip", "br", "GZIP, identity"]) {
    const { headers, body } = await refused("unsupported_media_type", () => encoded(encoding));
    expect([headers["accept-encoding"], body.error.message]).toEqual(["identity", expect.stringContaining("Encoding")]);
  }
  await refused("invalid_request", () => encoded("identity"));
});

test("a revoked token is refused", async () => {
  const gone = await newClient(fixture);
  await revokeTokens(fixture.pool, gone.userId);
  const { headers } = await refused("unauthenticated", () => gone.call("GET", "/api/projects"));
  expect(headers["www-authenticate"]).toBe('Bearer realm="boocode", error="invalid_token"');
  const { statusCode, headers: without } = await fixture.app.inject({ url: "/api/projects" });
  expect([statusCode, without["www-authenticate"]]).toEqual([401, 'Bearer realm="boocode"']);
});

test("a method that a route does not take is refused with those that it takes, and an unknown route with 404", async () => {
  const allow = async (method: "GET" | "POST" | "PATCH" | "DELETE", url: string) =>
    (await refused("method_not_allowed", () => me.call(method, url, "<x/>", { "content-type": "text/xml" }))).headers
      .allow;
  expect(await allow("DELETE", "/api/projects")).toBe("GET, HEAD, POST");
  expect(await allow("POST", project)).toBe("DELETE, GET, HEAD, PATCH");
  expect(await allow("PATCH", `${session}/cancel/`)).toBe("POST");
  expect(await allow("POST", "/healthz")).toBe("GET, HEAD");
  await refused("not_found", () => me.call("GET", "/api/unknown"));
  await refused("not_found", () => me.call("POST", "/api/unknown", "<x/>", { "content-type": "text/xml" }));
  await refused("not_found", () => me.call("GET", "/"));
});

test("a URL that cannot be parsed gets an error of the same shape", async () => {
  await refused("invalid_request", () => me.call("GET", "/api/%zz"));
});

test("a bug is answered with an internal error without details", async () => {
  const answer = await refused("internal", () => me.call("GET", "/api/models"));
  expect(JSON.stringify(answer.body)).not.toContain("hunter2");
});

test("an empty session has nothing to regenerate, and a claimed turn is not withdrawn", async () => {
  await refused("nothing_to_regenerate", () => me.call("POST", `${session}/regenerate`));
  await refused("not_last_question", () => me.call("POST", `${session}/edit`, { content: "x" }));
  const { turn_id } = (await me.call("POST", `${session}/messages`, { content: "x" })).body;
  await refused("session_busy", () => me.call("POST", `${session}/regenerate`));
  await refused("session_busy", () => me.call("POST", `${session}/messages`, { content: "x", when_busy: "reject" }));
  await fixture.pool`update turns set status = 'running', attempt = 1 where id = ${turn_id}`;
  await refused("turn_not_waiting", () => me.call("DELETE", `${session}/turns/${turn_id}`));
});

test("a key that was used with another body, path or route is refused, but not a repetition of the same request", async () => {
  const other = await newSession(fixture, me);
  const key = { "idempotency-key": "k1" };
  const post = (content: string, url = `/api/sessions/${other.sessionId}/messages`) =>
    me.call("POST", url, { content }, key);
  const first = await post("one");
  const before = await dump(fixture);
  expect(await post("one")).toMatchObject({ status: 202, body: first.body });
  expect(await dump(fixture)).toEqual(before);
  await refused("idempotency_key_reused", () => post("two"));
  await refused("idempotency_key_reused", () => post("one", `${session}/messages`));
  await refused("idempotency_key_reused", () =>
    me.call("POST", `/api/sessions/${other.sessionId}/regenerate`, undefined, key),
  );
});

test("a model that the caller's role may not use is refused by every route that would use it", async () => {
  const boss = await newClient(fixture, { role: "admin" });
  const place = await newSession(fixture, boss);
  const url = `/api/sessions/${place.sessionId}`;
  const shared = { name: me.userId, role: "member" };
  expect((await boss.call("PATCH", url, { model: "costly" })).status).toBe(200);
  expect((await boss.call("POST", `/api/projects/${place.projectId}/members`, shared)).status).toBeLessThan(300);
  await refused("model_not_allowed", () => me.call("POST", `${project}/sessions`, { model: "costly" }));
  await refused("model_not_allowed", () => me.call("PATCH", session, { model: "costly" }));
  await refused("model_not_allowed", () => me.call("POST", `${url}/messages`, { content: "why?" }));
  await refused("model_not_allowed", () => me.call("POST", `${url}/regenerate`));
  await refused("model_not_allowed", () => me.call("POST", `${url}/edit`, { content: "why not?" }));
  expect((await boss.call("POST", `${url}/messages`, { content: "why?" })).status).toBe(202);
  expect((await me.call("PATCH", session, { model: "cheap" })).status).toBe(200);
});
