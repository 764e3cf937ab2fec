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
  calm(): void;
  count(): number;
  summary(): string;
}

export interface Networks {
  database: TcpProxy;
  redis: TcpProxy;
}

export function createFaults(system: System, { database, redis }: Networks, random: Random): Faults {
  const done = new Map<string, number>();
  const pick = (services: ServiceProcess[]) => services[random.below(services.length)] as ServiceProcess;

  async function endAndRestart(service: ServiceProcess, signal: NodeJS.Signals): Promise<void> {
    await service.stop(signal);
    await system.restart(service);
  }

  async function pause(service: ServiceProcess, ms: number): Promise<void> {
    service.process.kill("SIGSTOP");
    await delay(ms);
    service.process.kill("SIGCONT");
  }

  async function withRedis(act: (client: ReturnType<typeof connectRedis>) => Promise<unknown>): Promise<void> {
    const client = connectRedis(system.redis.url);
    try {
      await untilRedisReady(client, 3_000);
      await act(client);
    } finally {
      client.disconnect();
    }
  }

  async function swallow(network: TcpProxy, ms: number): Promise<void> {
    network.set("blackHole");
    await delay(ms);
    network.set("pass");
  }

  async function tear(network: TcpProxy, ms: number): Promise<void> {
    network.set("reset");
    await delay(ms);
    network.set("pass");
  }

  async function loseAnswers(network: TcpProxy, to: string, times: number): Promise<void> {
    network.cutAnswerTo(to, times);
    await delay(400);
    network.cutAnswerTo(to, 0);
  }

  const kinds: Record<string, () => Promise<void>> = {
    "kill a worker": () => endAndRestart(pick(system.workers), "SIGKILL"),
    "stop a worker": () => endAndRestart(pick(system.workers), "SIGTERM"),
    "pause a worker": () => pause(pick(system.workers), 500 + random.below(7_000)),
    "kill an api": () => endAndRestart(pick(system.apis), "SIGKILL"),
    "kill a gateway": () => endAndRestart(pick(system.gateways), "SIGKILL"),
    "replace a gateway": () => endAndRestart(pick(system.gateways), "SIGTERM"),
    "pause a gateway": () => pause(pick(system.gateways), 500 + random.below(3_000)),
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
    "flush Redis": () => withRedis((client) => client.flushall()),
    "fill Redis": () =>
      withRedis(async (client) => {
        await client.config("SET", "maxmemory", "1mb");
        await delay(500 + random.below(1_500));
        await client.config("SET", "maxmemory", "0");
      }),
    "cut subscribers": () => withRedis((client) => client.call("CLIENT", "KILL", "TYPE", "pubsub")),
    "swallow Redis' answers": () => swallow(redis, 200 + random.below(2_000)),
    "cut Redis' connections": () => tear(redis, random.below(300)),
    "lose the answer to an append": () => loseAnswers(redis, '"type":"', 1 + random.below(3)),
    "lose the answer to a wake-up": () => loseAnswers(redis, '{"turn_id":"', 1 + random.below(3)),
    "drop frames that end turns": async () => {
      redis.dropMessagesWith('"type":"turn_finished"');
      await delay(500);
      redis.dropMessagesWith(null);
    },
    "cut the database's connections": () => tear(database, random.below(300)),
    "swallow the database's answers": () => swallow(database, 200 + random.below(2_000)),
    "lose the answer to a commit": () => loseAnswers(database, "commit", 1 + random.below(3)),
    "kill Postgres": async () => {
      await system.postgres?.kill("SIGKILL");
      await system.postgres?.restart();
    },
  };
  const names = Object.keys(kinds);
  let deck: string[] = [];

  /** Each kind once, in a random order, and then again: even a short run has many kinds. */
  function draw(): string {
    if (deck.length === 0) deck = [...names];
    return deck.splice(random.below(deck.length), 1)[0] as string;
  }

  return {
    async next() {
      const name = draw();
      done.set(name, (done.get(name) ?? 0) + 1);
      await kinds[name]?.();
    },
    calm() {
      for (const network of [database, redis]) {
        network.set("pass");
        network.cutAnswerTo("", 0);
        network.dropMessagesWith(null);
      }
    },
    count: () => [...done.values()].reduce((sum, times) => sum + times, 0),
    summary: () => [...done].map(([name, times]) => `${times} × ${name}`).join(", "),
  };
}
