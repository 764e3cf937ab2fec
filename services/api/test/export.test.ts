import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { SessionExport } from "@boocode/contracts";
import { revokeTokens } from "@boocode/store";
import { expect, test, vi } from "vitest";
import { type Client, newClient, newSession, useApi } from "./fixture.ts";

const fixture = useApi();

interface Line {
  type: string;
  data: Record<string, unknown>;
}

const linesOf = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);

/** Stores this many megabytes of turns. The text is random, so that it takes its place in the database too. */
async function store(client: Client, megabytes: number): Promise<void> {
  const { sessionId } = await newSession(fixture, client);
  const text = randomBytes(50_000).toString("hex");
  for (let stored = 0; stored < megabytes; stored += 2)
    await fixture.pool`
      with t as (
        insert into turns (id, session_id, owner_id, ordinal, status, attempt, created_at)
        select gen_random_uuid(), ${sessionId}, ${client.userId}, ${stored * 10}::int + n, 'complete', 1,
          now() + make_interval(secs => n)
        from generate_series(1, 20) n returning id, ordinal)
      insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, role, content)
      select gen_random_uuid(), ${sessionId}, ${client.userId}, t.id, t.ordinal, 0, 'user', ${text} from t`;
}

/** Opens an export over a real connection; nothing is read before the caller does. */
async function open(client: Client, path = "/api/me/export"): Promise<IncomingMessage> {
  if (!fixture.app.server.listening) await fixture.app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = fixture.app.server.address() as AddressInfo;
  const headers = { authorization: `Bearer ${client.token}` };
  const asking = request({ port, host: "127.0.0.1", path, headers, agent: false }).end();
  const [response] = (await once(asking, "response")) as [IncomingMessage];
  return response;
}

/** @returns what arrived, and whether the answer was complete */
async function read(response: IncomingMessage): Promise<{ text: string; isWhole: boolean }> {
  const parts: Buffer[] = [];
  try {
    for await (const part of response) parts.push(part as Buffer);
    return { text: Buffer.concat(parts).toString(), isWhole: response.complete };
  } catch {
    return { text: Buffer.concat(parts).toString(), isWhole: false };
  }
}

test("an export has the caller's rows as lines of JSON, and nothing of another user", async () => {
  const [me, other] = [await newClient(fixture), await newClient(fixture)];
  const mine = await newSession(fixture, me);
  const theirs = await newSession(fixture, other);
  await me.call("POST", `/api/sessions/${mine.sessionId}/messages`, { content: "my question" });
  await other.call("POST", `/api/sessions/${theirs.sessionId}/messages`, { content: "their question" });
  const answer = await me.call("GET", "/api/me/export");
  expect(answer).toMatchObject({ status: 200, headers: { "content-type": "application/x-ndjson" } });
  expect(answer.body).toContain("my question");
  for (const foreign of ["their question", other.userId, theirs.sessionId, theirs.projectId])
    expect(answer.body).not.toContain(foreign);
  expect(linesOf(answer.body).map(({ type }) => type)).toEqual([
    ...["user", "token", "project", "grant", "audit_event", "audit_event", "session", "turn", "message", "end"],
  ]);
});

test("an export is read at the client's pace: what changes while the client reads nothing is not in it", async () => {
  const me = await newClient(fixture);
  await store(me, 40);
  const response = await open(me);
  await fixture.pool`update sessions set deleted_at = now() where owner_id = ${me.userId}`;
  const { text, isWhole } = await read(response);
  expect(isWhole).toBe(true);
  const lines = linesOf(text);
  expect(lines.at(-1)).toEqual({ type: "end", data: { lines: lines.length - 1 } });
  // The buffers of the sockets hold a few megabytes of the forty.
  expect(lines.filter(({ type }) => type === "message").length).toBeLessThan(200);
});

test("a user has one export at a time; a client that goes away ends its own", async () => {
  const [me, other] = [await newClient(fixture), await newClient(fixture)];
  await store(me, 20);
  const response = await open(me);
  const second = await me.call("GET", "/api/me/export");
  expect([second.status, second.body.error.code, second.headers["retry-after"]]).toEqual([429, "rate_limited", "5"]);
  expect((await other.call("GET", "/api/me/export")).status).toBe(200);
  expect((await other.call("GET", "/api/me/export")).status).toBe(200);
  response.destroy();
  const connections = () =>
    new Promise<number>((resolve) => fixture.app.server.getConnections((_, count) => resolve(count)));
  await expect.poll(connections, { timeout: 10_000 }).toBe(0);
  await vi.waitFor(
    async () => {
      const [row] = await fixture.pool<[{ busy: number }]>`
        select count(*)::int as busy from pg_stat_activity
        where datname = current_database() and state <> 'idle' and pid <> pg_backend_pid()`;
      expect(row.busy).toBe(0);
    },
    { timeout: 10_000 },
  );
  expect((await me.call("GET", "/api/me/export")).status).toBe(200);
});

test("an export is cut off when the caller's access ends", async () => {
  const me = await newClient(fixture);
  await store(me, 40);
  const response = await open(me);
  await revokeTokens(fixture.pool, me.userId);
  const revokedAt = performance.now();
  // The check is at most once a second, when a page is sent.
  await vi.waitFor(() => expect(performance.now() - revokedAt).toBeGreaterThan(1_000), { timeout: 5_000 });
  const { text, isWhole } = await read(response);
  expect(isWhole).toBe(false);
  expect(text).not.toContain('"type": "end"');
});

test("a session is exported with all of its messages, as Markdown and as JSON, and has an end", async () => {
  const me = await newClient(fixture);
  const { sessionId } = await newSession(fixture, me);
  await me.call("PATCH", `/api/sessions/${sessionId}`, { name: 'A "name"; \r\n' });
  for (let index = 0; index < 3; index++)
    await me.call("POST", `/api/sessions/${sessionId}/messages`, { content: `question ${index}\n\`\`\`` });
  // Longer than a page, so that it is one of its own.
  await fixture.pool`
    update messages set content = ${"long ".repeat(400_000)} where session_id = ${sessionId} and turn_ordinal = 2`;
  const markdown = await me.call("GET", `/api/sessions/${sessionId}/export`);
  expect(markdown).toMatchObject({
    status: 200,
    headers: {
      "content-type": "text/markdown; charset=utf-8",
      "content-disposition": 'attachment; filename="boocode-a-name.md"',
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
    },
  });
  expect(markdown.body.match(/^## Question \d/gm)).toEqual(["## Question 1", "## Question 2", "## Question 3"]);
  expect(markdown.body).toContain("> question 2\n> ```");
  expect(markdown.body.length).toBeGreaterThan(2_000_000);
  expect(markdown.body.endsWith("\nEnd of the export: 3 messages.\n")).toBe(true);

  const json = await me.call("GET", `/api/sessions/${sessionId}/export?format=json`);
  expect(json.headers).toMatchObject({
    "content-type": "application/json",
    "content-disposition": 'attachment; filename="boocode-a-name.json"',
  });
  const { body } = await me.call("GET", `/api/sessions/${sessionId}/messages`);
  expect(SessionExport.parse(json.body)).toMatchObject({ session: { id: sessionId }, project: { name: "code" } });
  expect(json.body.messages).toEqual(body.messages);
  const refused = await me.call("GET", `/api/sessions/${sessionId}/export?format=html`);
  expect([refused.status, refused.body.error.code]).toEqual([400, "invalid_request"]);
});

test("a session's export is cut off when the session can no longer be read", async () => {
  const [me, member] = [await newClient(fixture), await newClient(fixture)];
  await store(me, 40);
  const { body } = await me.call("GET", "/api/projects");
  const project = `/api/projects/${body.projects[0].id}`;
  await me.call("POST", `${project}/members`, { name: member.userId, role: "reader" });
  const { body: list } = await member.call("GET", `${project}/sessions`);
  const path = `/api/sessions/${list.sessions[0].id}/export?format=json`;
  const response = await open(member, path);
  const second = await member.call("GET", path);
  expect([second.status, second.body.error.code]).toEqual([429, "rate_limited"]);
  expect((await me.call("DELETE", `${project}/members/${member.userId}`)).status).toBe(204);
  expect((await read(response)).isWhole).toBe(false);
  expect((await member.call("GET", path)).status).toBe(404);
  expect((await read(await open(me, path))).isWhole).toBe(true);
});
