import { randomUUID } from "node:crypto";
import type { UsageGroup } from "@boocode/contracts";
import { beforeAll, expect, test } from "vitest";
import { type Client, newClient, newSession, useApi } from "./fixture.ts";

const fixture = useApi();

let ada: Client;
let bob: Client;
let admin: Client;
let places: Record<"ada" | "bob", { projectId: string; sessionId: string }>;

interface Row {
  day: string;
  user: Client;
  place: { projectId: string; sessionId: string };
  kind?: string;
  model?: string;
  prompt: number;
  answer: number;
}

async function insert({ day, user, place, kind = "answer", model = "m", prompt, answer }: Row): Promise<void> {
  await fixture.pool`
    insert into usage values (${randomUUID()}, ${kind}, ${model}, ${day}::date, ${user.userId}, ${place.sessionId},
      ${place.projectId}, 'as it was called', 1, ${prompt}, 1, ${answer}, 2, 3)`;
}

const ALL = "from=2026-01-01&to=2026-12-31";

beforeAll(async () => {
  [ada, bob, admin] = [await newClient(fixture), await newClient(fixture), await newClient(fixture, ADMIN)];
  places = { ada: await newSession(fixture, ada), bob: await newSession(fixture, bob) };
  await insert({ day: "2026-03-01", user: ada, place: places.ada, prompt: 100, answer: 10 });
  await insert({ day: "2026-03-01", user: ada, place: places.ada, prompt: 50, answer: 5, kind: "broken" });
  await insert({ day: "2026-03-02", user: ada, place: places.ada, prompt: 7, answer: 7, kind: "naming", model: "n" });
  // A turn in a project of another user.
  await insert({ day: "2026-03-02", user: ada, place: places.bob, prompt: 1_000, answer: 1 });
  await insert({ day: "2026-03-02", user: bob, place: places.bob, prompt: 4, answer: 4 });
});

const ADMIN = { role: "admin", scopes: ["read", "ask", "admin"] } as const satisfies Parameters<typeof newClient>[1];

/** The groups of a report: the fields that tell them apart, with the tokens of prompt and answer. */
async function groups(client: Client, query: string, path = "/api/usage") {
  const { status, body } = await client.call("GET", `${path}?${query}`);
  expect(status).toBe(200);
  return body.groups.map(({ total, broken: _, naming: __, ...rest }: UsageGroup) => ({
    ...rest,
    tokens: [total.prompt_tokens, total.answer_tokens],
  }));
}

test("a user sees the usage of all own turns, also in projects of others, and nobody else's", async () => {
  expect(await groups(ada, `by=day&${ALL}`)).toEqual([
    { day: "2026-03-02", tokens: [1_007, 8] },
    { day: "2026-03-01", tokens: [150, 15] },
  ]);
  expect(await groups(bob, `by=day&${ALL}`)).toEqual([{ day: "2026-03-02", tokens: [4, 4] }]);
  expect(await groups(admin, `by=day&${ALL}`)).toEqual([]);
  expect(await groups(bob, `by=user&${ALL}`)).toEqual([{ user_id: bob.userId, user_name: bob.userId, tokens: [4, 4] }]);
});

test("broken calls and naming are a part of the total, and stand apart", async () => {
  const { body } = await ada.call("GET", `/api/usage?${ALL}&by=user`);
  const parts = (prompt: number, answer: number, calls: number) => ({
    ...{ calls, prompt_tokens: prompt, cached_tokens: calls, answer_tokens: answer },
    ...{ reasoning_tokens: 2 * calls, estimated_tokens: 3 * calls },
  });
  expect(body).toEqual({
    ...{ from: "2026-01-01", to: "2026-12-31", more: false },
    groups: [
      {
        ...{ user_id: ada.userId, user_name: ada.userId },
        ...{ total: parts(1_157, 23, 4), broken: parts(50, 5, 1), naming: parts(7, 7, 1) },
      },
    ],
  });
});

test("groups differ in each of the named fields, the newest day and the most tokens first", async () => {
  expect(await groups(ada, `by=model,day&${ALL}`)).toEqual([
    { day: "2026-03-02", model: "m", tokens: [1_000, 1] },
    { day: "2026-03-02", model: "n", tokens: [7, 7] },
    { day: "2026-03-01", model: "m", tokens: [150, 15] },
  ]);
  expect(await groups(ada, `by=project&${ALL}`)).toEqual([
    { project_id: places.bob.projectId, project_name: "code", tokens: [1_000, 1] },
    { project_id: places.ada.projectId, project_name: "code", tokens: [157, 22] },
  ]);
});

test("an administrator sees all users' usage, and only an administrator", async () => {
  expect(await groups(admin, `by=user&${ALL}`, "/api/admin/usage")).toEqual([
    { user_id: ada.userId, user_name: ada.userId, tokens: [1_157, 23] },
    { user_id: bob.userId, user_name: bob.userId, tokens: [4, 4] },
  ]);
  expect(await groups(admin, `by=project,user&${ALL}`, "/api/admin/usage")).toHaveLength(3);
  expect((await ada.call("GET", "/api/admin/usage")).status).toBe(403);
});

test("the range includes its first and last day, and is the last 30 days by default", async () => {
  expect(await groups(ada, "from=2026-03-02&to=2026-03-02")).toHaveLength(1);
  expect(await groups(ada, "from=2026-03-01&to=2026-03-02")).toHaveLength(2);
  expect(await groups(ada, "from=2026-03-01&to=2026-03-01")).toHaveLength(1);
  expect(await groups(ada, "to=2026-03-30")).toHaveLength(2);
  expect(await groups(ada, "to=2026-03-31")).toHaveLength(1);
  expect(await groups(ada, "to=2026-04-01")).toEqual([]);
  const { body } = await ada.call("GET", "/api/usage");
  expect(Date.parse(body.to) - Date.parse(body.from)).toBe(29 * 24 * 60 * 60_000);
  expect(Math.abs(Date.now() - Date.parse(body.to))).toBeLessThan(2 * 24 * 60 * 60_000);
});

test.each([
  ...["by=week", "by=", "by=day,", "by=day,user,model,project,day", "by=day&by=user", "group=day"],
  ...["from=2026-02-30", "from=yesterday", "to=2026-1-1", "from=0001-01-01", "to=99999-01-01"],
  ...["from=2026-03-02&to=2026-03-01", "from=2024-01-01&to=2026-01-01"],
])("?%s is refused", async (query) => {
  for (const path of ["/api/usage", "/api/admin/usage"]) {
    const { status, body } = await admin.call("GET", `${path}?${query}`);
    expect([status, body.error?.code]).toEqual([400, "invalid_request"]);
  }
});

test("the caller's own usage of today stands with who the caller is", async () => {
  const dayBefore = (days: number) => new Date(Date.now() - days * 24 * 60 * 60_000).toISOString().slice(0, 10);
  const nothing = { calls: 0, prompt_tokens: 0, cached_tokens: 0, answer_tokens: 0, reasoning_tokens: 0 };
  for (let day = ""; day !== dayBefore(0); ) {
    // Again if the day ends meanwhile.
    day = dayBefore(0);
    const client = await newClient(fixture);
    const place = await newSession(fixture, client);
    const today = async () => (await client.call("GET", "/api/me")).body.usage_today;
    expect(await today()).toEqual({ ...nothing, estimated_tokens: 0 });
    await insert({ day, user: client, place, prompt: 9, answer: 4 });
    await insert({ day, user: client, place, prompt: 1, answer: 1, kind: "naming" });
    await insert({ day: dayBefore(1), user: client, place, prompt: 100, answer: 100 });
    await insert({ day, user: bob, place: places.bob, prompt: 100, answer: 100 });
    const counted = await today();
    if (day === dayBefore(0)) expect(counted).toMatchObject({ calls: 2, prompt_tokens: 10, answer_tokens: 5 });
  }
});

test.each(["model", "model,project"])(
  "a report by %s has at most 1,000 groups, and says that there are more",
  async (by) => {
    const many = await newClient(fixture);
    await fixture.pool`
    insert into usage select gen_random_uuid(), 'answer', 'model ' || n, '2026-05-01', ${many.userId}, ${randomUUID()},
      ${randomUUID()}, 'p', 1, n, 0, 0, 0, 0 from generate_series(1, 1002) n`;
    const { body } = await many.call("GET", `/api/usage?by=${by}&${ALL}`);
    expect([body.groups.length, body.more]).toEqual([1_000, true]);
    expect([body.groups[0].model, body.groups.at(-1).model]).toEqual(["model 1002", "model 3"]);
    await fixture.pool`delete from usage where user_id = ${many.userId} and model in ('model 7', 'model 8')`;
    expect((await many.call("GET", `/api/usage?by=${by}&${ALL}`)).body.more).toBe(false);
  },
);

test("usage outlives the deletion of its session, project and user", async () => {
  const gone = await newClient(fixture);
  const place = await newSession(fixture, gone);
  await insert({ day: "2026-06-01", user: gone, place, prompt: 9, answer: 1 });
  const mine = { project_id: place.projectId, tokens: [9, 1] };
  await gone.call("DELETE", `/api/sessions/${place.sessionId}`);
  await gone.call("DELETE", `/api/projects/${place.projectId}`);
  expect(await groups(gone, `by=project&${ALL}`)).toEqual([{ ...mine, project_name: "code" }]);
  await fixture.pool`delete from sessions where id = ${place.sessionId}`;
  await fixture.pool`delete from projects where id = ${place.projectId}`;
  expect(await groups(gone, `by=project&${ALL}`)).toEqual([{ ...mine, project_name: "as it was called" }]);
  await fixture.pool`delete from users where id = ${gone.userId}`;
  expect(await groups(admin, `by=user,project&from=2026-06-01&to=2026-06-01`, "/api/admin/usage")).toEqual([
    { ...mine, project_name: "as it was called", user_id: gone.userId, user_name: null },
  ]);
});
