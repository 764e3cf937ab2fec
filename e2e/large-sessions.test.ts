import { on, once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { MAX_ANSWER_BYTES, type Message, type MessageList, SessionFrame } from "@boocode/contracts";
import type { ServiceProcess } from "@boocode/local-stack";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { FASTIFY, type System, startSystem, type User } from "./harness/start-system.ts";

/*
 * What one user stores must not fill the memory of a service, however much it is: answers and snapshots are bounded, and Postgres
 * reads no more than they show.
 */
const MB = 1024 * 1024;
const SESSIONS = 600;
const PROMPT = 50_000;
const OUTPUTS = 5_600;
const OUTPUT = 51_200;

let system: System;
let user: User;
let projectId: string;
let longId: string;

beforeAll(async () => {
  system = await startSystem({ workers: 0 });
  user = await system.addUser("ada");
  projectId = (await user.rest.project(FASTIFY)).id;
  longId = (await user.rest.session(projectId)).id;
  await answer(longId);
  // 280 MB, in one turn.
  await system.sql`
    insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, step, role, content, last_seq, finished_at)
    select gen_random_uuid(), t.session_id, t.owner_id, t.id, t.ordinal, n, n, 'tool', repeat(md5(n::text), ${OUTPUT / 32}), 5, now()
    from turns t, generate_series(1, ${OUTPUTS}::int) as n where t.session_id = ${longId}`;
  await system.sql`
    insert into sessions (id, project_id, owner_id, system_prompt)
    select gen_random_uuid(), ${projectId}, ${user.id}, repeat('p', ${PROMPT}) from generate_series(1, ${SESSIONS}::int)`;
});
afterAll(() => system.stop());

/** Posts a question, and ends its turn as a worker would. */
async function answer(sessionId: string): Promise<void> {
  await user.rest.post(sessionId, "why?");
  await system.sql`
    update turns set status = 'complete', attempt = 1, nonce = 'n', last_seq = 5, started_at = now(), finished_at = now()
    where session_id = ${sessionId}`;
}

const memoryOf = ({ process }: ServiceProcess) => {
  const status = readFileSync(`/proc/${process.pid}/status`, "utf8");
  return (Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024) / MB;
};

/** Opens connections that ask for a path and read nothing of the answer, and waits until each answer has begun. */
async function askWithoutReading(url: string, path: string, count: number) {
  const { port } = new URL(url);
  const sockets = Array.from({ length: count }, () => connect(Number(port), "127.0.0.1"));
  const request = `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${user.token}\r\n\r\n`;
  await Promise.all(
    sockets.map(async (socket) => {
      socket.write(request);
      await once(socket, "readable");
    }),
  );
  return sockets;
}

test("a list of sessions with long prompts that is asked for ten times and not read takes no memory", async () => {
  const api = system.apis[0] as ServiceProcess;
  const path = `/api/projects/${projectId}/sessions`;
  const { body } = await user.rest.request<{ sessions: object[] }>("GET", path);
  expect(body.sessions).toHaveLength(200);
  const before = memoryOf(api);
  const sockets = await askWithoutReading(api.url, path, 10);
  expect(memoryOf(api) - before).toBeLessThan(50);
  for (const socket of sockets) socket.destroy();
});

test("each page of a session of 280 MB is within the limit of an answer, and a shortened message is whole by itself", async () => {
  const api = system.apis[0] as ServiceProcess;
  const path = `/api/sessions/${longId}/messages`;
  const headers = { authorization: `Bearer ${user.token}` };
  const seen: string[] = [];
  const before = memoryOf(api);
  let last: Message | undefined;
  for (let query = "?limit=1"; seen.length < 10_000; ) {
    const text = await (await fetch(api.url + path + query, { headers })).text();
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_ANSWER_BYTES);
    const page = JSON.parse(text) as MessageList;
    seen.unshift(...page.messages.map(({ id }) => id));
    last ??= page.messages.at(-1);
    if (!page.has_more) break;
    query = `?limit=1&before=${page.next_before}`;
  }
  expect(new Set(seen).size).toBe(OUTPUTS + 1);
  expect(last).toMatchObject({ role: "tool", shortened: true });
  const { body } = await user.rest.request<Message>("GET", `${path}/${last?.id}`);
  expect(body.content).toHaveLength(OUTPUT);
  expect(memoryOf(api) - before).toBeLessThan(120);
});

test("an export of a session of 280 MB has all of it, and takes the API little memory", async () => {
  const api = system.apis[0] as ServiceProcess;
  const headers = { authorization: `Bearer ${user.token}` };
  const before = memoryOf(api);
  const response = await fetch(`${api.url}/api/sessions/${longId}/export`, { headers });
  let [bytes, pieces, most, end] = [0, 0, 0, ""];
  for await (const piece of response.body as ReadableStream<Uint8Array>) {
    bytes += piece.length;
    end = end.slice(-100) + Buffer.from(piece).toString("latin1").slice(-100);
    pieces += 1;
    if (pieces % 100 === 0) most = Math.max(most, memoryOf(api));
  }
  expect(bytes).toBeGreaterThan(OUTPUTS * OUTPUT);
  expect(end.endsWith(`End of the export: ${OUTPUTS + 1} messages.\n`)).toBe(true);
  expect(most - before).toBeLessThan(120);
});

test("joining a session of 280 MB, from its beginning and several times at once, takes the gateway little memory", async () => {
  const gateway = system.gateways[0] as ServiceProcess;
  const small = (await user.rest.session(projectId)).id;
  await answer(small);
  const join = async (sessionId: string) => {
    const url = `${gateway.url.replace("http", "ws")}/api/ws/sessions/${sessionId}?cursor=1.1.x.0`;
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${user.token}` } });
    for await (const [data] of on(socket, "message")) {
      const frame = SessionFrame.parse(JSON.parse(String(data)));
      if (frame.type !== "snapshot") continue;
      socket.terminate();
      return frame;
    }
    throw new Error("no snapshot");
  };
  await Promise.all([join(small), join(small)]);
  const before = memoryOf(gateway);
  const snapshots = await Promise.all(Array.from({ length: 5 }, () => join(longId)));
  expect(memoryOf(gateway) - before).toBeLessThan(40);
  for (const snapshot of snapshots) {
    expect(Buffer.byteLength(JSON.stringify(snapshot))).toBeLessThan(MB);
    expect(snapshot.from_position).toBe(snapshot.messages[0]?.position);
    expect(snapshot.messages.at(-1)?.position).toBe(OUTPUTS);
  }
});
