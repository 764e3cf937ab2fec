import { once } from "node:events";
import { connect } from "node:net";
import { gunzipSync } from "node:zlib";
import { ErrorBody } from "@boocode/contracts";
import { expect, test } from "vitest";
import { newClient, newSession, useApi } from "./fixture.ts";

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
  for (const other of [
    "https://evil.example",
    "null",
    `${ORIGIN}:8443`,
    `${ORIGIN}.evil.example`,
    "http://boo.example",
  ]) {
    const { headers } = await preflight(other, "DELETE");
    expect([other, headers["access-control-allow-origin"], headers.vary]).toEqual([
      ...[other, undefined],
      expect.stringContaining("Origin"),
    ]);
  }
});

test("a page may read refusals, too, and how long it should wait", async () => {
  const { statusCode, headers } = await fixture.app.inject({ url: "/api/projects", headers: { origin: ORIGIN } });
  expect([statusCode, headers["access-control-allow-origin"]]).toEqual([401, ORIGIN]);
  expect(headers["access-control-expose-headers"]).toBe("Retry-After, RateLimit, RateLimit-Policy");
});

test("an empty body is none, whatever the content type says", async () => {
  const me = await newClient(fixture);
  for (const type of ["application/json", "application/json; charset=utf-8", "application/x-www-form-urlencoded"]) {
    const headers = { "content-type": type };
    const { projectId, sessionId } = await newSession(fixture, me);
    expect((await me.call("POST", `/api/sessions/${sessionId}/messages`, { content: "x" })).status).toBe(202);
    expect((await me.call("POST", `/api/sessions/${sessionId}/cancel`, undefined, headers)).status).toBe(200);
    expect((await me.call("POST", `/api/sessions/${sessionId}/regenerate`, "", headers)).status).toBe(202);
    const chunked = { ...headers, "transfer-encoding": "chunked" };
    if (type.includes("json")) expect((await me.call("POST", "/api/ws-tickets", "", chunked)).status).toBe(201);
    // Where every field is optional, it means `{}`; a route that needs a field says so.
    expect((await me.call("POST", `/api/projects/${projectId}/sessions`, "", headers)).status).toBe(201);
    for (const [method, path] of [
      ["PATCH", `/api/projects/${projectId}`],
      ["POST", `/api/sessions/${sessionId}/messages`],
    ] as const) {
      const [none, empty] = [await me.call(method, path, "", headers), await me.call(method, path, {})];
      expect([none.status, none.body]).toEqual([400, empty.body]);
    }
  }
  const bare = await newSession(fixture, me);
  expect((await me.call("POST", `/api/projects/${bare.projectId}/sessions`)).status).toBe(201);
  const headers = { "content-type": "application/json" };
  const { projectId, sessionId } = await newSession(fixture, me);
  expect((await me.call("DELETE", `/api/sessions/${sessionId}`, undefined, headers)).status).toBe(204);
  expect((await me.call("DELETE", `/api/projects/${projectId}`, "", headers)).status).toBe(204);
});

test("a trailing slash is the same route", async () => {
  const me = await newClient(fixture);
  const { projectId, sessionId } = await newSession(fixture, me);
  const post = await me.call("POST", `/api/sessions/${sessionId}/messages/`, { content: "x" });
  expect(post.status).toBe(202);
  for (const url of [
    "/api/projects",
    `/api/projects/${projectId}`,
    `/api/sessions/${sessionId}/messages`,
    "/healthz",
  ]) {
    const [plain, slash] = [await me.call("GET", url), await me.call("GET", `${url}/`)];
    expect([url, slash.status, slash.body]).toEqual([url, 200, plain.body]);
  }
  for (const url of ["/docs", "/docs/", "/docs/json", "/openapi.json/"]) {
    expect([url, (await me.call("GET", url)).status]).toEqual([url, 200]);
  }
});

test("a large JSON answer is compressed for a client that asks for it", async () => {
  const me = await newClient(fixture);
  const { sessionId } = await newSession(fixture, me);
  const url = `/api/sessions/${sessionId}/messages`;
  await me.call("POST", url, { content: "ü".repeat(2_000) });
  const ask = (path: string, encoding?: string) =>
    fixture.app.inject({
      url: path,
      headers: {
        ...{ origin: ORIGIN, authorization: `Bearer ${me.token}` },
        ...(encoding === undefined ? {} : { "accept-encoding": encoding }),
      },
    });
  const plain = await ask(url);
  expect(plain.json().messages).toHaveLength(1);
  expect(plain.headers.vary).toBe("Origin, Accept-Encoding");
  for (const encoding of ["gzip", "gzip, deflate, br", "br, gzip;q=0.5", "*"]) {
    const { headers, rawPayload } = await ask(url, encoding);
    expect([encoding, headers["content-encoding"]]).toEqual([encoding, "gzip"]);
    expect(headers).toMatchObject({ "content-length": String(rawPayload.length), vary: "Origin, Accept-Encoding" });
    expect(rawPayload.length).toBeLessThan(1_000);
    expect(gunzipSync(rawPayload).toString()).toBe(plain.body);
  }
  for (const encoding of [undefined, "", "br", "gzip;q=0", "identity"]) {
    const answer = await ask(url, encoding);
    expect([encoding, answer.headers["content-encoding"], answer.body]).toEqual([encoding, undefined, plain.body]);
  }
  for (const small of ["/healthz", `/api/sessions/${sessionId}`, "/metrics"]) {
    expect((await ask(small, "gzip")).headers["content-encoding"]).toBeUndefined();
  }
});

test("what is not HTTP is refused with an error of the usual shape", async () => {
  const { port } = new URL(await fixture.app.listen({ host: "127.0.0.1", port: 0 }));
  const ask = async (text: string) => {
    const socket = connect(Number(port), "127.0.0.1");
    const received: Buffer[] = [];
    socket.on("data", (bytes) => received.push(bytes));
    socket.write(text);
    await once(socket, "close");
    const [head = "", body = ""] = Buffer.concat(received).toString().split("\r\n\r\n");
    return [head.split("\r\n")[0], ErrorBody.parse(JSON.parse(body)).error.code];
  };
  expect(await ask("secret\r\n\r\n")).toEqual(["HTTP/1.1 400 Bad Request", "invalid_request"]);
  const large = `GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(20_000)}\r\n\r\n`;
  expect(await ask(large)).toEqual(["HTTP/1.1 431 Request Header Fields Too Large", "invalid_request"]);
});
