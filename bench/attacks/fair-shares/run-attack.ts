import { randomUUID } from "node:crypto";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { migrate, startBackingServices } from "@boocode/backing-services";
import { addUser } from "@boocode/identity";
import { startService } from "@boocode/local-stack";
import { connectPostgres } from "@boocode/runtime";
import { createGrant } from "@boocode/store";
import { type FakeModel, startModel } from "./fake-model.ts";

/** Asks as one user, each time in a new session. @returns the ms from the post to the first token, and the end of the answer */
export type Ask = (answerMs: number, model?: string) => Promise<{ firstTokenMs: number; ended: Promise<void> }>;

/** A user with a project. */
export interface Account {
  token: string;
  ask: Ask;
  /** @returns the id of a new session */
  newSession(model?: string): Promise<string>;
  send(path: string, body: object): Promise<Response>;
}

/** The system, as processes with one worker; only the model server is part of this benchmark. */
export interface Stage {
  model: FakeModel;
  gatewayUrl: string | null;
  newAccount(name: string): Promise<Account>;
  newUser(name: string): Promise<Ask>;
}

/** @param options `userLimits`: as USER_LIMITS says it; without it there are none. `gatewayEnv`: starts a gateway with it */
export async function runAttack(
  options: {
    workerSlots: number;
    server?: Record<string, unknown>;
    swapMs?: number;
    userLimits?: string;
    gatewayEnv?: Record<string, string>;
  },
  attack: (stage: Stage) => Promise<Record<string, unknown>>,
): Promise<void> {
  const dataDir = realpathSync(mkdtempSync(join(tmpdir(), "boocode-attack-")));
  const backing = await startBackingServices({ dataDir, keep: false, log: () => {} });
  const model = await startModel(options.swapMs ?? 0);
  const sql = connectPostgres(backing.databaseUrl, { name: "attack", connections: 2 });
  const releases: (() => unknown)[] = [];
  try {
    await migrate(backing.databaseUrl, { log: () => {} });
    const env = {
      ...{ DATABASE_URL: backing.databaseUrl, REDIS_URL: backing.redisUrl, PROJECT_ROOTS: dataDir },
      USER_LIMITS: options.userLimits ?? "off",
      WORKER_CONCURRENCY: String(options.workerSlots),
      MODEL_SERVERS: JSON.stringify([{ name: "fake", url: model.url, context_size: 32_768, ...options.server }]),
    };
    const api = await startService("api", { env });
    releases.push(() => api.stop());
    const worker = await startService("worker", { env });
    releases.push(() => worker.stop("SIGKILL"));
    const gateway = options.gatewayEnv
      ? await startService("gateway", { env: { ...env, ...options.gatewayEnv } })
      : null;
    if (gateway) releases.push(() => gateway.stop("SIGKILL"));
    const newAccount = async (name: string): Promise<Account> => {
      const { userId, token } = await addUser(sql, name);
      await createGrant(sql, { userId, path: dataDir, by: "operator" });
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
      const send = (path: string, body: object) =>
        fetch(api.url + path, { method: "POST", headers, body: JSON.stringify(body) });
      const post = async <T>(path: string, body: object): Promise<T> => {
        const answer = await send(path, body);
        if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
        return (await answer.json()) as T;
      };
      const project = await post<{ id: string }>("/api/projects", { name, path: dataDir });
      const newSession = async (named = "m") =>
        (await post<{ id: string }>(`/api/projects/${project.id}/sessions`, { name: "n", model: named })).id;
      const ask: Ask = async (answerMs, named) => {
        const session = await newSession(named);
        const tag = randomUUID();
        const start = performance.now();
        const call = model.call(tag);
        await post(`/api/sessions/${session}/messages`, { content: `[answer ${tag} ${answerMs}]` });
        return { firstTokenMs: (await call.firstToken) - start, ended: call.ended };
      };
      return { token, ask, newSession, send };
    };
    const newUser = async (name: string) => (await newAccount(name)).ask;
    const stage = { model, gatewayUrl: gateway?.url ?? null, newAccount, newUser };
    console.log(JSON.stringify(await attack(stage)));
  } finally {
    for (const release of releases.reverse()) await release();
    await sql.end({ timeout: 2 });
    model.stop();
    await backing.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** The first tokens of `samples` questions, one after the other. */
export async function firstTokens(ask: Ask, samples: number, answerMs = 20): Promise<number[]> {
  const times: number[] = [];
  for (let sample = 0; sample < samples; sample++) {
    const { firstTokenMs, ended } = await ask(answerMs);
    times.push(firstTokenMs);
    await ended;
    await sleep(100);
  }
  return times;
}

export const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] as number;
export const rounded = (value: number) => Number(value.toFixed(2));
