import { beforeAll, expect, test } from "vitest";
import { type Client, newClient, newSession, useApi } from "./fixture.ts";

const fixture = useApi();

let me: Client;
let session: string;

beforeAll(async () => {
  me = await newClient(fixture);
  session = `/api/sessions/${(await newSession(fixture, me)).sessionId}`;
});

const post = async (content: string, headers: Record<string, string> = {}) =>
  await me.call("POST", `${session}/messages`, JSON.stringify({ content }), {
    "content-type": "application/json",
    ...headers,
  });
const last = async () => (await me.call("GET", `${session}/messages`)).body.messages.at(-1).content;

test.each([
  ["NUL is removed", "a\0b", "ab"],
  ["lone surrogates are replaced", "a\ud800b\udc00", "a\uFFFDb\uFFFD"],
  [
    "everything else stays as it is",
    "tab\t\u0007 \u200b é 😀 \uFFFF <b>'; drop table\r\n",
    "tab\t\u0007 \u200b é 😀 \uFFFF <b>'; drop table\r\n",
  ],
])("in a message %s", async (_what, content, stored) => {
  expect((await post(content)).status).toBe(202);
  expect(await last()).toBe(stored);
});

test("a post whose text was cleaned can be repeated with its idempotency key", async () => {
  const first = await post("a\0b", { "idempotency-key": "clean" });
  expect(first.status).toBe(202);
  expect(await post("a\0b", { "idempotency-key": "clean" })).toMatchObject({ status: 202, body: first.body });
});

test("a system prompt is cleaned like a message", async () => {
  const answer = await me.call("PATCH", session, JSON.stringify({ system_prompt: "a\0b\ud800" }), {
    "content-type": "application/json",
  });
  expect(answer).toMatchObject({ status: 200, body: { system_prompt: "ab\uFFFD" } });
});

test("a body that is not valid UTF-8 is stored as valid text", async () => {
  const bytes = Buffer.concat([Buffer.from('{"content":"a'), Buffer.from([0xff, 0xc0]), Buffer.from('b"}')]);
  const response = await fixture.app.inject({
    ...{ method: "POST", url: `${session}/messages`, payload: bytes },
    headers: { authorization: `Bearer ${me.token}`, "content-type": "application/json" },
  });
  expect(response.statusCode).toBe(202);
  expect(await last()).toBe("a\uFFFD\uFFFDb");
});
