import { changeUser } from "@boocode/store";
import { beforeAll, expect, test } from "vitest";
import { type Client, newClient, newSession, useApi } from "./fixture.ts";

const fixture = useApi();

let me: Client;
let ids: { projectId: string; sessionId: string };

beforeAll(async () => {
  me = await newClient(fixture);
  ids = await newSession(fixture, me);
  await me.call("PATCH", `/api/projects/${ids.projectId}`, { name: "Web Shop" });
  await me.call("POST", `/api/sessions/${ids.sessionId}/messages`, {
    content: "Where is <b>fooBar</b>\u0000 in src/a.ts?",
  });
});

const lists = () => ["/api/projects", "/api/sessions", `/api/projects/${ids.projectId}/sessions`];

test("what cannot be searched for is refused on every list", async () => {
  const refused = ["", "%20", "%00", "*", "--%20%25", "a".repeat(201), "a%20".repeat(11)];
  for (const list of lists()) {
    for (const q of refused) {
      const { status, body } = await me.call("GET", `${list}?q=${q}`);
      expect([list, q, status, body.error?.code]).toEqual([list, q, 400, "invalid_request"]);
      expect(body.error.details[0].path).toMatch(/q$/);
    }
    for (const query of ["q=a&limit=0", "q=a&limit=201", "q=a&before=x", "q=a&q=b", "q=a&x=1"])
      expect([list, query, (await me.call("GET", `${list}?${query}`)).status]).toEqual([list, query, 400]);
    for (const q of ["a".repeat(200), "a%20".repeat(10), "%F0%9F%8E%89", "%25a", "'%20a"])
      expect([list, q, (await me.call("GET", `${list}?q=${q}`)).status]).toEqual([list, q, 200]);
  }
});

test("a found session comes as in a list, with an excerpt and ranges in it", async () => {
  for (const list of lists().slice(1)) {
    const { sessions, has_more, next_before } = (await me.call("GET", `${list}?q=FOO%20src/a.ts`)).body;
    expect([sessions.length, has_more, next_before]).toEqual([1, false, null]);
    const [{ matches, ...session }] = sessions;
    expect(session).toEqual((await me.call("GET", list)).body.sessions[0]);
    const [{ excerpt, ...match }] = matches;
    expect(match).toMatchObject({ in: "question", message_id: expect.any(String), turn_id: expect.any(String) });
    expect(excerpt).toEqual({
      text: "Where is <b>fooBar</b> in src/a.ts?",
      offset: 0,
      ranges: [
        { start: 12, end: 15 },
        { start: 26, end: 34 },
      ],
    });
    const other = await newClient(fixture);
    expect((await other.call("GET", `${list}?q=foo`)).body.sessions ?? []).toEqual([]);
  }
  const { projects } = (await me.call("GET", "/api/projects?q=shop")).body;
  expect(projects).toMatchObject([{ id: ids.projectId, match: { text: "Web Shop", ranges: [{ start: 4, end: 8 }] } }]);
});

test("searches have a rate of their own, and lists do not count as searches", async () => {
  const client = await newClient(fixture);
  await changeUser(fixture.pool, "operator", client.userId, { limits: { searches_per_minute: 2 } });
  const find = async (query: string) => (await client.call("GET", `/api/sessions${query}`)).status;
  expect([await find("?q=a"), await find(""), await find("?q=b"), await find(""), await find("?q=c")]).toEqual([
    200, 200, 200, 200, 429,
  ]);
  expect((await client.call("GET", "/api/projects?q=a")).body.error.message).toMatch(/too many searches/);
});
