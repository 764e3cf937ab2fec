import { setTimeout as delay } from "node:timers/promises";
import type { ServiceProcess } from "@boocode/local-stack";
import { askRedis, cutSubscribers, refusedWhenFull } from "../../harness/network/ask-redis.ts";
import type { TcpProxy } from "../../harness/network/tcp-proxy.ts";
import type { Random } from "../../harness/random.ts";
import type { System } from "../../harness/start-system.ts";
import type { Users } from "./users.ts";

/** Injects every fault that can be staged on one machine, one after another. */
export interface Faults {
  /** Injects the next fault and repairs what does not recover by itself. */
  next(): Promise<void>;
  /** Ensures that every process runs. */
  calm(): void;
  /** The number of faults that took effect: a frame dropped, an answer lost, a process killed. */
  count(): number;
  summary(): string;
}

export interface Networks {
  database: TcpProxy;
  redis: TcpProxy;
}

/** Failpoints at which a worker dies. */
const WORKER_POINTS = [
  "after-claim",
  "after-start-message",
  "after-commit-step",
  "after-end-turn",
  "after-save-tool-calls",
];

export function createFaults(system: System, { database, redis }: Networks, users: Users, random: Random): Faults {
  const done = new Map<string, number>();
  const pick = <T>(some: readonly T[]) => some[random.below(some.length)] as T;

  async function endAndRestart(service: ServiceProcess, signal: NodeJS.Signals): Promise<void> {
    await service.stop(signal);
    await system.restart(service);
  }

  /** @returns whether the process reached the failpoint */
  async function dieAt(service: ServiceProcess, point: string): Promise<boolean> {
    await service.stop("SIGKILL");
    const doomed = await system.restart(service, { FAULT_POINTS: `${point}:kill` });
    await Promise.race([doomed.exited, delay(4_000)]);
    const died = doomed.process.signalCode !== null;
    await endAndRestart(doomed, "SIGKILL");
    return died;
  }

  async function pause(service: ServiceProcess, ms: number): Promise<void> {
    service.process.kill("SIGSTOP");
    await delay(ms);
    service.process.kill("SIGCONT");
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

  /** @returns whether an answer was cut within two seconds */
  async function loseAnswers(network: TcpProxy, to: string, times: number): Promise<boolean> {
    const before = network.cuts();
    network.cutAnswerTo(to, times);
    const until = performance.now() + 2_000;
    while (network.cuts() - before < times && performance.now() < until) await delay(20);
    network.cutAnswerTo(to, 0);
    return network.cuts() > before;
  }

  /** A fault that may miss resolves to whether it took effect; `false` is not counted. */
  const kinds: Record<string, () => Promise<unknown>> = {
    "kill a worker": () => endAndRestart(pick(system.workers), "SIGKILL"),
    "stop a worker": () => endAndRestart(pick(system.workers), "SIGTERM"),
    "pause a worker": () => pause(pick(system.workers), 500 + random.below(7_000)),
    "let a worker die at a step": () => dieAt(pick(system.workers), pick(WORKER_POINTS)),
    "kill an api": () => endAndRestart(pick(system.apis), "SIGKILL"),
    "let an api die after a post": () => dieAt(pick(system.apis), "after-post"),
    "kill a gateway": () => endAndRestart(pick(system.gateways), "SIGKILL"),
    "replace a gateway": () => endAndRestart(pick(system.gateways), "SIGTERM"),
    "pause a gateway": () => pause(pick(system.gateways), 500 + random.below(3_000)),
    "stop reading a socket": () => users.stopReading(random, 500 + random.below(3_000)),
    "kill Redis": async () => {
      await system.redis.kill("SIGKILL");
      await delay(300 + random.below(4_000));
      await system.redis.restart();
    },
    "hang Redis": async () => {
      await system.redis.kill("SIGSTOP");
      await delay(500 + random.below(4_000));
      await system.redis.kill("SIGCONT");
    },
    "flush Redis": () => askRedis(system, (client) => client.flushall()),
    "fill Redis": () =>
      askRedis(system, async (client) => {
        const before = await refusedWhenFull(client);
        await client.config("SET", "maxmemory", "1mb");
        await delay(500 + random.below(1_500));
        await client.config("SET", "maxmemory", "0");
        return (await refusedWhenFull(client)) > before;
      }),
    "expire the logs": () =>
      askRedis(system, async (client) => {
        const logs = await client.keys("*:log:*");
        return logs.length > 0 && (await client.del(...logs)) > 0;
      }),
    "cut subscribers": async () => (await askRedis(system, cutSubscribers)) > 0,
    "swallow Redis' answers": () => swallow(redis, 200 + random.below(2_000)),
    "cut Redis' connections": () => tear(redis, random.below(300)),
    "lose the answer to an append": () => loseAnswers(redis, '"type":"', 1 + random.below(3)),
    "lose the answer to a wake-up": () => loseAnswers(redis, '{"turn_id":"', 1 + random.below(3)),
    "drop frames that end turns": async () => {
      const before = redis.drops();
      redis.dropMessagesWith('"type":"turn_finished"');
      await delay(1_000);
      redis.dropMessagesWith(null);
      return redis.drops() > before;
    },
    "cut the database's connections": () => tear(database, random.below(300)),
    "swallow the database's answers": () => swallow(database, 200 + random.below(2_000)),
    "lose the answer to a commit": () => {
      // Renews all connections: each sends the text of a statement only once, and afterwards uses a prepared one.
      database.set("reset");
      database.set("pass");
      const commits = ["commit", "post_message_2(", "commit_step_2(", "end_turn_2(", "complete_turns_1("] as const;
      return loseAnswers(database, commits[random.below(commits.length)] ?? "commit", 1 + random.below(3));
    },
    "kill Postgres": async () => {
      await system.postgres?.kill("SIGKILL");
      await system.postgres?.restart();
    },
  };
  const names = Object.keys(kinds);
  let deck: string[] = [];

  /** Draws each kind once in random order, then starts over, so that even a short run covers many kinds. */
  function draw(): string {
    if (deck.length === 0) deck = [...names];
    return deck.splice(random.below(deck.length), 1)[0] as string;
  }

  return {
    async next() {
      const name = draw();
      if ((await kinds[name]?.()) !== false) done.set(name, (done.get(name) ?? 0) + 1);
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
