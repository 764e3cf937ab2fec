import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { markedScript } from "../../harness/marked-text.ts";
import type { Random } from "../../harness/random.ts";
import { createRest } from "../../harness/rest.ts";
import { FASTIFY, type System, type User } from "../../harness/start-system.ts";
import { openViewer, type Viewer } from "../../harness/viewer.ts";

/** People who ask, cancel, interrupt and delete, and do not give up when they are not answered. */
export interface Users {
  /** Resolves when all of them have stopped asking. */
  askUntil(at: number, randoms: readonly Random[]): Promise<void>;
  /** The turns that they were told of. */
  acknowledged: readonly string[];
  /** Every session is watched from its beginning. */
  viewers: readonly Viewer[];
}

/** Every turn is seen by somebody: there are no more sessions than can be watched. */
const MAX_SESSIONS = 40;
const MAX_WAITING = 60;

/** What the model does with one question in ten; what it does with the others is to answer. */
const TROUBLES = [
  { end_after_tokens: 8, fail_first: 1 },
  { cut_after_tokens: 12, fail_first: 1 },
  { status: 503, body: { error: { message: "Loading model", code: 503 } }, fail_first: 2 },
  { status: 429, headers: { "retry-after": "1" }, body: { error: { message: "busy" } }, fail_first: 1 },
  { error_frame: { after_tokens: 5 } },
];

export async function createUsers(system: System, user: User): Promise<Users> {
  const project = await user.rest.project(FASTIFY);
  const acknowledged: string[] = [];
  const viewers: Viewer[] = [];
  const sessions: string[] = [];

  /** The same request under the same key until it is answered. */
  async function persist<T>(path: string, body: unknown): Promise<T> {
    const key = randomUUID();
    for (let attempt = 0; attempt < 150; attempt++) {
      const rest = createRest(() => system.apis[attempt % 2]?.url as string, user.token);
      const answer = await rest.request<T>("POST", path, body, { "idempotency-key": key }).catch(() => null);
      if (answer && answer.status < 300) return answer.body;
      if (answer && answer.status < 500) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
      await delay(200);
    }
    throw new Error(`POST ${path} was not accepted in half a minute of trying`);
  }

  async function anySession(random: Random): Promise<string> {
    if (sessions.length >= MAX_SESSIONS || (sessions.length > 3 && random.below(3) > 0)) {
      return sessions[random.below(sessions.length)] as string;
    }
    const { id } = await persist<{ id: string }>(`/api/projects/${project.id}/sessions`, {
      name: "chaos",
      model: "words",
    });
    sessions.push(id);
    viewers.push(openViewer(system, user, id, { gateway: random.below(2), api: random.below(2) }));
    return id;
  }

  async function ask(random: Random): Promise<void> {
    const sessionId = await anySession(random);
    const trouble = random.below(10) === 0 ? TROUBLES[random.below(TROUBLES.length)] : {};
    const tool = random.below(5) === 0 ? { tool_depth: 1, tool: { name: "list_dir", arguments: {} } } : {};
    const script = { tokens: 20 + random.below(100), interval_ms: 10, ...tool, ...trouble };
    const { turn_id, message_id } = await persist<{ turn_id: string; message_id: string }>(
      `/api/sessions/${sessionId}/messages`,
      {
        content: markedScript(randomUUID(), script),
        when_busy: random.below(12) === 0 ? "interrupt" : "queue",
      },
    );
    acknowledged.push(turn_id);
    if (random.below(12) === 0) await user.rest.cancel(sessionId).catch(() => null);
    if (random.below(25) === 0) {
      await user.rest
        .request("DELETE", `/api/sessions/${sessionId}/messages/${message_id}`, undefined)
        .catch(() => null);
    }
    await delay(20 + random.below(400));
  }

  /** Waits while the workers have more to do than they get done. */
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
    viewers,
    async askUntil(at, randoms) {
      await Promise.all(
        randoms.map(async (random) => {
          while (performance.now() < at) {
            await untilThereIsRoom();
            await ask(random);
          }
        }),
      );
    },
  };
}
