import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { startBooCode } from "../peers/boocode.ts";

/*
 * `npm run build && npm run bench -- attacks/long-lists`
 *
 * One user has 600 sessions with prompts of 50,000 characters, and asks for their list ten times without reading the answers, again
 * and again. Prints the p99 of another user's request for a list meanwhile, as a ratio to the p99 of the same request before.
 * Goal: at most 2. And how many blocks of Postgres a page of 100 of 60,000 sessions takes, apart from `busy`.
 */
const SAMPLES = 300;

const { api, sql, addUser, stop } = await startBooCode({ modelUrl: "http://127.0.0.1:9", users: 0 });
try {
  const newUser = async (name: string, sessions: number) => {
    const { id: userId, token, projectId: id } = await addUser(name);
    await sql`
      insert into sessions (id, project_id, owner_id, system_prompt, updated_at)
      select gen_random_uuid(), ${id}, ${userId}, case when n <= 600 then repeat('p', 50000) end, now() - n * interval '1 second'
      from generate_series(1, ${sessions}::int) as n`;
    return { token, projectId: id, path: `/api/projects/${id}/sessions` };
  };
  const [attacker, other, large] = [
    await newUser("attacker", 600),
    await newUser("other", 20),
    await newUser("large", 60_000),
  ];
  await sql`analyze`;

  async function p99(): Promise<number> {
    const times: number[] = [];
    for (let sample = 0; sample < SAMPLES; sample++) {
      const start = performance.now();
      await (await fetch(api.url + other.path, { headers: { authorization: `Bearer ${other.token}` } })).text();
      times.push(performance.now() - start);
    }
    return times.toSorted((a, b) => a - b)[Math.floor(SAMPLES * 0.99)] as number;
  }
  await p99();
  const idle = await p99();
  let isDone = false;
  const attack = (async () => {
    while (!isDone) {
      const request = `GET ${attacker.path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${attacker.token}\r\n\r\n`;
      const sockets = Array.from({ length: 10 }, () => connect(Number(new URL(api.url).port), "127.0.0.1").pause());
      for (const socket of sockets) socket.on("error", () => {}).write(request);
      await sleep(1_000);
      for (const socket of sockets) socket.destroy();
    }
  })();
  const during = await p99();
  isDone = true;
  await attack;

  const plan = await sql`
    explain (analyze, buffers, format json)
    select s.id, s.name, s.updated_at from sessions s
    where s.project_id = ${large.projectId} and s.deleted_at is null
      and s.updated_at <= now() - interval '10000 seconds' and (s.updated_at < now() - interval '10000 seconds' or s.id > ${large.projectId})
    order by s.updated_at desc, s.id limit 101`;
  const top = (plan[0] as { "QUERY PLAN": { Plan: Record<string, number> }[] })["QUERY PLAN"][0]?.Plan ?? {};
  const blocks = (top["Shared Hit Blocks"] ?? 0) + (top["Shared Read Blocks"] ?? 0);
  const rounded = (value: number) => Number(value.toFixed(2));
  console.log(
    JSON.stringify({
      name: "long lists",
      idle_p99_ms: rounded(idle),
      ratio: rounded(during / idle),
      goal: 2,
      blocks,
      blocks_goal: 300,
    }),
  );
} finally {
  await stop();
}
process.exit();
