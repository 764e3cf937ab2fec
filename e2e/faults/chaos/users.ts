import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { TurnAccepted } from "@boocode/contracts";
import { WebSocket } from "ws";
import { markedScript } from "../../harness/marked-text.ts";
import { persist } from "../../harness/persist.ts";
import type { Random } from "../../harness/random.ts";
import { FASTIFY, type System, type User } from "../../harness/start-system.ts";
import { openSubscriber, type Subscriber } from "../../harness/subscriber.ts";

/** Users who ask, cancel, interrupt, delete and refresh, and retry when they get no answer. */
export interface Users {
  /** Resolves when all users have stopped asking. */
  askUntil(at: number, randoms: readonly Random[]): Promise<void>;
  /** Opens a socket on some session and does not read from it for `ms`. @returns whether there was a session */
  stopReading(random: Random, ms: number): Promise<boolean>;
  /** The acknowledged turns. */
  acknowledged: readonly string[];
  /** Every session is followed from its beginning; a refresh replaces the subscriber. */
  subscribers: readonly Subscriber[];
  /** Violations seen by subscribers that have closed. */
  broken: readonly string[];
}

/** Bounded, so that every session can be followed. */
const MAX_SESSIONS_EACH = 10;
const MAX_WAITING = 60;

/** How the model server misbehaves for one question in ten; it answers the others. */
const TROUBLES = [
  { stall: "headers" },
  { stall: 7 },
  { end_after_tokens: 8, fail_first: 1 },
  { cut_after_tokens: 12, fail_first: 1 },
  { status: 503, body: { error: { message: "Loading model", code: 503 } }, fail_first: 2 },
  { status: 429, headers: { "retry-after": "1" }, body: { error: { message: "busy" } }, fail_first: 1 },
  { error_frame: { after_tokens: 5 }, fail_first: 1 },
];

interface Watched {
  id: string;
  /** The index of its subscriber. */
  place: number;
}

export async function createUsers(system: System, user: User): Promise<Users> {
  const project = await user.rest.project(FASTIFY);
  const acknowledged: string[] = [];
  const subscribers: Subscriber[] = [];
  const broken: string[] = [];

  /** Picks or creates a session of this user only, so that one user's choices do not depend on the others'. */
  async function anySession(random: Random, own: Watched[]): Promise<Watched> {
    const isNew = own.length < MAX_SESSIONS_EACH && random.below(3) === 0;
    if (own.length > 0 && !isNew) return own[random.below(own.length)] as Watched;
    const path = `/api/projects/${project.id}/sessions`;
    const { id } = await persist<{ id: string }>(system, user, path, { name: "chaos", model: "words" });
    const watched = { id, place: subscribers.length };
    subscribers.push(openSubscriber(system, user, id, { gateway: random.below(2), api: random.below(2) }));
    own.push(watched);
    return watched;
  }

  async function refresh({ id, place }: Watched, random: Random): Promise<void> {
    const before = subscribers[place] as Subscriber;
    subscribers[place] = openSubscriber(system, user, id, { gateway: random.below(2), api: random.below(2) });
    broken.push(...before.broken);
    await before.close();
  }

  async function ask(random: Random, own: Watched[]): Promise<void> {
    const session = await anySession(random, own);
    const sessionId = session.id;
    const trouble = random.below(10) === 0 ? TROUBLES[random.below(TROUBLES.length)] : {};
    const tool = random.below(5) === 0 ? { tool_depth: 1, tool: { name: "list_dir", arguments: {} } } : {};
    const script = { tokens: 10 + random.below(50), interval_ms: 20, ...tool, ...trouble };
    const { turn_id, message_id } = await persist<TurnAccepted>(system, user, `/api/sessions/${sessionId}/messages`, {
      content: markedScript(randomUUID(), script),
      when_busy: random.below(12) === 0 ? "interrupt" : "queue",
    });
    acknowledged.push(turn_id);
    if (random.below(12) === 0) await refresh(session, random);
    if (random.below(12) === 0) await user.rest.cancel(sessionId).catch(() => null);
    if (random.below(25) === 0) {
      await user.rest
        .request("DELETE", `/api/sessions/${sessionId}/messages/${message_id}`, undefined)
        .catch(() => null);
    }
    await delay(20 + random.below(400));
  }

  /** Waits while the workers are overloaded. */
  async function untilThereIsRoom(): Promise<void> {
    for (;;) {
      const rows = await system.sql<[{ count: number }]>`
        select count(*) from turns where status in ('queued', 'running', 'cancelling')`.catch(() => null);
      if (rows && rows[0].count < MAX_WAITING) return;
      await delay(200);
    }
  }

  return {
    acknowledged,
    subscribers,
    broken,
    async stopReading(random, ms) {
      if (subscribers.length === 0) return false;
      const { sessionId } = (subscribers[random.below(subscribers.length)] as Subscriber).follower.view;
      const gateway = system.gateways[random.below(2)]?.url.replace("http", "ws");
      const headers = { authorization: `Bearer ${user.token}` };
      const socket = new WebSocket(`${gateway}/api/ws/sessions/${sessionId}?cursor=0.0.0.0`, { headers });
      socket.on("error", () => {});
      const opened = await Promise.race([
        once(socket, "open").then(() => true),
        once(socket, "close").then(() => false),
      ]);
      socket.pause();
      await delay(ms);
      socket.terminate();
      return opened;
    },
    async askUntil(at, randoms) {
      await Promise.all(
        randoms.map(async (random) => {
          const own: Watched[] = [];
          while (performance.now() < at) {
            await untilThereIsRoom();
            await ask(random, own);
          }
        }),
      );
    },
  };
}
