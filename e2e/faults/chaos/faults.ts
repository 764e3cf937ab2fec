import { setTimeout as delay } from "node:timers/promises";
import type { ServiceProcess } from "@boocode/local-stack";
import { connectRedis, untilRedisReady } from "@boocode/runtime";
import type { Random } from "../../harness/random.ts";
import type { System } from "../../harness/start-system.ts";
import type { TcpProxy } from "../../harness/tcp-proxy.ts";

/** Breaks a system in every way that one machine can stage, one fault after the other. */
export interface Faults {
  /** Does the next fault and repairs what would not come back by itself. */
  next(): Promise<void>;
  /** Makes sure that everything runs. */
  calm(): Promise<void>;
  count(): number;
  summary(): string;
}

export function createFaults(system: System, database: TcpProxy, random: Random): Faults {
  const done = new Map<string, number>();
  const pick = (services: ServiceProcess[]) => services[random.below(services.length)] as ServiceProcess;

  async function endAndRestart(service: ServiceProcess, signal: NodeJS.Signals): Promise<void> {
    await service.stop(signal);
    await system.restart(service);
  }

  async function withRedis(act: (redis: ReturnType<typeof connectRedis>) => Promise<unknown>): Promise<void> {
    const redis = connectRedis(system.redis.url);
    try {
      await untilRedisReady(redis, 3_000);
      await act(redis);
    } finally {
      redis.disconnect();
    }
  }

  const kinds: Record<string, () => Promise<void>> = {
    "kill a worker": () => endAndRestart(pick(system.workers), "SIGKILL"),
    "kill an api": () => endAndRestart(pick(system.apis), "SIGKILL"),
    "kill a gateway": () => endAndRestart(pick(system.gateways), "SIGKILL"),
    "replace a gateway": () => endAndRestart(pick(system.gateways), "SIGTERM"),
    "pause a worker": async () => {
      const worker = pick(system.workers);
      worker.process.kill("SIGSTOP");
      await delay(500 + random.below(6_500));
      worker.process.kill("SIGCONT");
    },
    "kill Redis": async () => {
      await system.redis.kill("SIGKILL");
      await delay(300 + random.below(2_000));
      await system.redis.restart();
    },
    "hang Redis": async () => {
      await system.redis.kill("SIGSTOP");
      await delay(500 + random.below(2_500));
      await system.redis.kill("SIGCONT");
    },
    "flush Redis": () => withRedis((redis) => redis.flushall()),
    "cut subscribers": () => withRedis((redis) => redis.call("CLIENT", "KILL", "TYPE", "pubsub")),
    "cut the database's connections": async () => {
      database.set("reset");
      await delay(random.below(300));
      database.set("pass");
    },
    "swallow the database's answers": async () => {
      database.set("blackHole");
      await delay(200 + random.below(2_000));
      database.set("pass");
    },
    "lose the answer to a commit": async () => {
      database.cutAnswerTo("commit", 1 + random.below(3));
      await delay(300);
      database.cutAnswerTo("commit", 0);
    },
    "kill Postgres": async () => {
      await system.postgres?.kill("SIGKILL");
      await system.postgres?.restart();
    },
  };
  const names = Object.keys(kinds);

  return {
    async next() {
      const name = names[random.below(names.length)] as string;
      done.set(name, (done.get(name) ?? 0) + 1);
      await kinds[name]?.();
    },
    async calm() {
      database.set("pass");
      database.cutAnswerTo("commit", 0);
    },
    count: () => [...done.values()].reduce((sum, times) => sum + times, 0),
    summary: () => [...done].map(([name, times]) => `${times} × ${name}`).join(", "),
  };
}
