import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { LimitChange } from "@boocode/contracts";
import { startBooCode } from "../../peers/boocode.ts";
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
  gatewayUrl: string;
  /** @param limits in place of USER_LIMITS */
  newAccount(name: string, limits?: LimitChange): Promise<Account>;
  newUser(name: string): Promise<Ask>;
}

/** @param options `userLimits`: as USER_LIMITS says it; without it there are none. `env`: further settings of the services */
export async function runAttack(
  options: {
    workerSlots: number;
    server?: Record<string, unknown>;
    swapMs?: number;
    userLimits?: string;
    env?: Record<string, string>;
  },
  attack: (stage: Stage) => Promise<Record<string, unknown>>,
): Promise<void> {
  const model = await startModel(options.swapMs ?? 0);
  const env = {
    USER_LIMITS: options.userLimits ?? "off",
    WORKER_CONCURRENCY: String(options.workerSlots),
    MODEL_SERVERS: JSON.stringify([{ name: "fake", url: model.url, context_size: 32_768, ...options.server }]),
    ...options.env,
  };
  const boocode = await startBooCode({ modelUrl: model.url, users: 0, env });
  try {
    const newAccount = async (name: string, limits?: LimitChange): Promise<Account> => {
      const user = await boocode.addUser(name, limits);
      const headers = { ...user.headers, "content-type": "application/json" };
      const send = (path: string, body: object) =>
        fetch(boocode.api.url + path, { method: "POST", headers, body: JSON.stringify(body) });
      const newSession = (named = "m") => boocode.newSession(user, named);
      const ask: Ask = async (answerMs, named) => {
        const session = await newSession(named);
        const tag = randomUUID();
        const start = performance.now();
        const call = model.call(tag);
        const answer = await send(`/api/sessions/${session}/messages`, { content: `[answer ${tag} ${answerMs}]` });
        if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
        return { firstTokenMs: (await call.firstToken) - start, ended: call.ended };
      };
      return { token: user.token, ask, newSession, send };
    };
    const newUser = async (name: string) => (await newAccount(name)).ask;
    console.log(JSON.stringify(await attack({ model, gatewayUrl: boocode.gateway.url, newAccount, newUser })));
  } finally {
    await boocode.stop();
    model.stop();
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
