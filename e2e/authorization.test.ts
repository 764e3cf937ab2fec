import { randomUUID } from "node:crypto";
import { CLOSE_CODES, type CloseReason, type Scope, SocketMessage } from "@boocode/contracts";
import { addUser } from "@boocode/identity";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SUBSCRIPTIONS } from "../services/gateway/src/connections/subscription.ts";
import { FASTIFY, type System, startSystem } from "./harness/start-system.ts";
import { watchSession, watchUser } from "./harness/watch.ts";

/*
 * The authorization matrix of the gateway: what can be subscribed to × how × every kind of caller. That of the API:
 * services/api/test/authorization.test.ts.
 */

let system: System;
/** The token of each kind of caller; null: none. */
let callers: Record<string, string | null>;
let session: string;
let deleted: string;

const gateway = () => system.gateways[0]?.url as string;

async function newToken(scopes: Scope[], expiresAt?: Date): Promise<{ userId: string; token: string }> {
  return await addUser(system.sql, randomUUID(), { token: { scopes, expiresAt } });
}

beforeAll(async () => {
  system = await startSystem({ workers: 0 });
  const owner = await system.addUser("owner");
  const { id: project } = await owner.rest.project(FASTIFY);
  session = (await owner.rest.session(project)).id;
  deleted = (await owner.rest.session(project)).id;
  await owner.rest.request("DELETE", `/api/sessions/${deleted}`);
  const shared = async (role: string) => {
    const user = await system.addUser(role);
    await owner.rest.request("POST", `/api/projects/${project}/members`, { name: role, role });
    return user.token;
  };
  const admin = await newToken(["read", "ask", "admin"]);
  await system.sql`update users set role = 'admin' where id = ${admin.userId}`;
  const [revoked, disabled] = [await newToken(["read"]), await newToken(["read"])];
  await system.sql`update api_tokens set revoked_at = now() where user_id = ${revoked.userId}`;
  await system.sql`update users set disabled_at = now() where id = ${disabled.userId}`;
  const { token: withoutRead } = await addUser(system.sql, "owner", { token: { scopes: ["ask"] } });
  callers = {
    ...{ owner: owner.token, member: await shared("member"), reader: await shared("reader") },
    ...{ stranger: (await newToken(["read", "ask"])).token, administrator: admin.token },
    ...{ "without read": withoutRead, expired: (await newToken(["read"], new Date(Date.now() - 1_000))).token },
    ...{ revoked: revoked.token, disabled: disabled.token, unknown: `boo_${"x".repeat(43)}`, nobody: null },
  };
});
afterAll(() => system.stop());

type Outcome = "subscribed" | CloseReason;

/** What each caller gets who is not listed here is `refusal`. */
const FOLLOWERS = ["owner", "member", "reader"];
const BARRED: Record<string, Outcome> = {
  ...{ "without read": "forbidden", expired: "unauthenticated", revoked: "unauthenticated" },
  ...{ disabled: "unauthenticated", unknown: "unauthenticated", nobody: "unauthenticated" },
};

const OPERATIONS: Record<string, { target: string; path(): string; outcome(caller: string): Outcome }> = {
  "a session": {
    target: "session",
    path: () => `sessions/${session}`,
    outcome: (caller) => BARRED[caller] ?? (FOLLOWERS.includes(caller) ? "subscribed" : "not_found"),
  },
  "a deleted session": {
    target: "session",
    path: () => `sessions/${deleted}`,
    outcome: (caller) => BARRED[caller] ?? "not_found",
  },
  "the own lists": { target: "user", path: () => "user", outcome: (caller) => BARRED[caller] ?? "subscribed" },
};

/** The outcome over a WebSocket. A socket may send its token later, so that only a message tells who sent none. */
async function overSocket(path: string, token: string | null): Promise<Outcome> {
  const id = path.split("/")[1];
  const watch = id === undefined ? watchUser(gateway(), token) : watchSession(gateway(), token, id);
  if (token === null) watch.socket.on("open", () => watch.socket.send('{"type":"auth","token":"boo_none"}'));
  const outcome = await Promise.race([
    watch
      .until((frame) => frame.type === "subscribed")
      .then(
        () => "subscribed" as const,
        () => watch.closed,
      ),
    watch.closed,
  ]);
  await watch.close();
  if (outcome === "subscribed") return outcome;
  const [reason] = Object.entries(CLOSE_CODES).find(([, { code }]) => code === outcome) ?? [];
  return reason as CloseReason;
}

async function overEvents(path: string, token: string | null): Promise<Outcome> {
  const stop = new AbortController();
  const headers: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
  const answer = await fetch(`${gateway()}/api/${path}/events`, { headers, signal: stop.signal });
  if (answer.ok) {
    stop.abort();
    return "subscribed";
  }
  return ((await answer.json()) as { error: { code: CloseReason } }).error.code;
}

const TRANSPORTS = { WebSocket: overSocket, "event stream": overEvents };

test("every target of a subscription has a row, and a client can ask for nothing else over a socket", () => {
  const targets = Object.values(OPERATIONS).map(({ target }) => target);
  expect([...new Set(targets)].sort()).toEqual(Object.keys(SUBSCRIPTIONS).sort());
  // The token, and a question whether the gateway is alive.
  expect(SocketMessage.options.map(({ shape }) => shape.type.value)).toEqual(["auth", "ping"]);
});

const cells = Object.keys(OPERATIONS).flatMap((what) => Object.keys(TRANSPORTS).map((how) => ({ what, how })));

test.each(cells)("only those who may follow $what can open it over a $how", async ({ what, how }) => {
  const { path, outcome } = OPERATIONS[what] ?? expect.fail(what);
  const ask = TRANSPORTS[how as keyof typeof TRANSPORTS];
  for (const [caller, token] of Object.entries(callers)) {
    expect([caller, await ask(path(), token)]).toEqual([caller, outcome(caller)]);
  }
});
