import { randomUUID } from "node:crypto";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrate, repositoryRoot, startBackingServices } from "@boocode/backing-services";
import { addUser } from "@boocode/identity";
import { type ServiceProcess, startService } from "@boocode/local-stack";
import { connectPostgres, type Postgres } from "@boocode/runtime";
import { createGrant } from "@boocode/store";

/*
 * `npm run build && npx tsx bench/request-cost.ts [samples] [window]`
 *
 * Does a long session cost more than a fresh one before its model is asked? Prints the time from the post of a message to the
 * arrival of the model call, in sessions of 1,000 and 10,000 messages, as a ratio to a fresh session. Medians of one run that
 * alternates between the sessions, starting with another one in each round. The whole system runs, as processes; only
 * the model server is part of this file.
 */
const samples = Number(process.argv[2] ?? 200);
const window = Number(process.argv[3] ?? 32_768);
const GOAL = 1.2;
const MESSAGES_PER_TURN = 4;

/** Records when a request begins to arrive, and answers with one word. */
function startModel(): Promise<{ server: Server; url: string; arrived: Map<string, { at: number; bytes: number }> }> {
  const arrived = new Map<string, { at: number; bytes: number }>();
  const server = createServer(async (request, response) => {
    const at = performance.now();
    if (request.method !== "POST") {
      const data = [{ id: "m", meta: { n_ctx: window }, status: { value: "loaded" } }];
      return response.end(JSON.stringify({ data, default_generation_settings: { n_ctx: window } }));
    }
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const text = Buffer.concat(parts).toString();
    const tag = /\[sample ([^\]]+)\](?!.*\[sample )/s.exec(text)?.[1];
    if (tag) arrived.set(tag, { at, bytes: text.length });
    const chunk = (choices: object[], more = {}) =>
      `data: ${JSON.stringify({ id: "c", object: "c", choices, ...more })}\n\n`;
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(chunk([{ index: 0, delta: { content: "done" }, finish_reason: "stop" }]));
    response.write(chunk([], { usage: { prompt_tokens: Math.ceil(text.length / 4), completion_tokens: 1 } }));
    response.end("data: [DONE]\n\n");
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      resolve({ server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, arrived });
    });
  });
}

/** Fills a session with this many messages: questions, tool calls, outputs of 4,000 characters, answers. */
async function fill(sql: Postgres, sessionId: string, ownerId: string, messages: number): Promise<void> {
  const turns = messages / MESSAGES_PER_TURN;
  await sql`
    insert into turns (id, session_id, owner_id, ordinal, status, attempt, started_at, finished_at)
    select gen_random_uuid(), ${sessionId}, ${ownerId}, n, 'complete', 1, now(), now()
    from generate_series(1, ${turns}::int) n`;
  await sql`
    insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, step, role, content, tool_calls,
      tool_result)
    select gen_random_uuid(), ${sessionId}, ${ownerId}, t.id, t.ordinal, m.position, m.step, m.role, m.content,
      case when m.calls then jsonb_build_array(jsonb_build_object('id', 'c' || t.ordinal, 'name', 'grep',
        'arguments', jsonb_build_object('pattern', 'word' || t.ordinal))) end,
      case when m.role = 'tool' then jsonb_build_object('tool_call_id', 'c' || t.ordinal, 'name', 'grep',
        'truncated', false, 'error', null) end
    from turns t, lateral (values
      (0, null::int, 'user', 'Where is word' || t.ordinal || ' used? ' || repeat('please ', 15), false),
      (1, 0, 'assistant', 'I look for it.', true),
      (2, 0, 'tool', (
        -- Every line differs, as in code: Postgres would compress equal lines to a hundred bytes.
        select string_agg('src/' || substr(md5(t.ordinal + i || ''), 1, 8) || '.ts:' || i || ': const value = compute(' ||
          substr(md5(t.ordinal - i || ''), 1, 12) || ');', chr(10)) from generate_series(1, 66) i), false),
      (3, 1, 'assistant', repeat('It is used in src/file.ts:12. ', 26), false)
    ) as m (position, step, role, content, calls)
    where t.session_id = ${sessionId}`;
  await sql`update sessions set last_ordinal = ${turns} where id = ${sessionId}`;
}

const quantile = (values: number[], part: number) =>
  [...values].sort((x, y) => x - y)[Math.floor(values.length * part)] ?? Number.NaN;
const median = (values: number[]) => quantile(values, 0.5);

async function main(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "boocode-bench-"));
  const backing = await startBackingServices({ dataDir, keep: false, log: () => {} });
  const model = await startModel();
  const services: ServiceProcess[] = [];
  const sql = connectPostgres(backing.databaseUrl, { name: "bench", connections: 2 });
  try {
    await migrate(backing.databaseUrl, { log: () => {} });
    const env = {
      DATABASE_URL: backing.databaseUrl,
      REDIS_URL: backing.redisUrl,
      LLAMA_SWAP_URL: model.url,
      PROJECT_ROOTS: repositoryRoot,
      LOG_LEVEL: "info",
    };
    const api = await startService("api", { env });
    services.push(api, await startService("worker", { env }));
    const { userId, token } = await addUser(sql, "bench");
    await createGrant(sql, { userId, path: realpathSync(repositoryRoot), by: "operator" });
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const post = async <T>(path: string, body: object): Promise<T> => {
      const answer = await fetch(api.url + path, { method: "POST", headers, body: JSON.stringify(body) });
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      return (await answer.json()) as T;
    };
    const project = await post<{ id: string }>("/api/projects", { name: "bench", path: repositoryRoot });
    const newSession = async () =>
      (await post<{ id: string }>(`/api/projects/${project.id}/sessions`, { name: "n", model: "m" })).id;

    /** @returns milliseconds from the post to the arrival of the model call, and the size of the request */
    async function ask(sessionId: string): Promise<{ ms: number; bytes: number }> {
      const tag = randomUUID();
      const start = performance.now();
      const { turn_id } = await post<{ turn_id: string }>(`/api/sessions/${sessionId}/messages`, {
        content: `Go on. [sample ${tag}]`,
      });
      for (;;) {
        const [turn] = await sql<{ status: string }[]>`select status from turns where id = ${turn_id}`;
        if (turn?.status === "complete") break;
        if (turn?.status === "failed") throw new Error("a turn failed");
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const seen = model.arrived.get(tag);
      if (!seen) throw new Error("the model was not asked");
      return { ms: seen.at - start, bytes: seen.bytes };
    }

    // Several sessions of each kind, because access to a session's row gets slower with every turn until it is vacuumed,
    // however long the session is.
    const filled = async (count: number, messages: number) => {
      const ids = await Promise.all(Array.from({ length: count }, newSession));
      for (const id of ids) await fill(sql, id, userId, messages);
      return ids;
    };
    const long = { "1,000 messages": await filled(16, 1_000), "10,000 messages": await filled(8, 10_000) };
    await sql`vacuum analyze`;
    for (let warm = 0; warm < 15; warm++) await ask(await newSession());
    // The first request of a session whose conversation was never cut reads more, to find where to cut it. Each is paired
    // with a request of a fresh session.
    const first = new Map<string, { own: number[]; fresh: number[] }>();
    for (const [name, ids] of Object.entries(long)) {
      const taken = { own: [] as number[], fresh: [] as number[] };
      for (const id of ids) {
        taken.fresh.push((await ask(await newSession())).ms);
        taken.own.push((await ask(id)).ms);
      }
      first.set(name, taken);
    }

    const names = ["fresh", ...Object.keys(long)];
    const times = new Map(names.map((name) => [name, [] as { ms: number; bytes: number }[]]));
    for (let sample = 0; sample < samples; sample++) {
      for (let place = 0; place < names.length; place++) {
        const name = names[(place + sample) % names.length] as string;
        const ids = (long as Record<string, string[]>)[name];
        // Created before every request, even if it is not used: meanwhile the work after the previous turn's end is done.
        const fresh = await newSession();
        times.get(name)?.push(await ask(ids?.[sample % ids.length] ?? fresh));
      }
    }
    const msOf = (name: string, part = 0.5) =>
      quantile(
        (times.get(name) ?? []).map(({ ms }) => ms),
        part,
      );
    const against = (ms: number, part = 0.5) => (ms / msOf("fresh", part)).toFixed(2);
    for (const [name, taken] of times) {
      const kilobytes = Math.round(median(taken.map((one) => one.bytes)) / 1_000);
      const ms = msOf(name);
      const quick = against(msOf(name, 0.25), 0.25);
      console.log(
        `${name}: ${ms.toFixed(1)} ms to the model call of ${kilobytes} KB, ratio ${against(ms)} (lower quartiles ${quick})`,
      );
      const cold = first.get(name);
      if (!cold) continue;
      const [own, beside] = [median(cold.own), median(cold.fresh)];
      console.log(`  its first request, which cuts: ${own.toFixed(1)} ms, ratio ${(own / beside).toFixed(2)}`);
    }
    const ratio = msOf("1,000 messages") / msOf("fresh");
    console.log(
      `1,000 messages ÷ fresh = ${ratio.toFixed(2)}; goal at most ${GOAL}: ${ratio <= GOAL ? "met" : "missed"}`,
    );
    if (ratio > GOAL) process.exitCode = 1;
  } finally {
    await Promise.allSettled(services.map((service) => service.stop()));
    await sql.end({ timeout: 2 });
    model.server.closeAllConnections();
    model.server.close();
    await backing.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

await main();
