import { setTimeout as sleep } from "node:timers/promises";
import type { Lab } from "../lab.ts";
import { closedLoop } from "../load/loops.ts";
import { type Subscriber, subscribeAll } from "../load/subscribers.ts";
import { type Asker, openAskers } from "../load/turns.ts";
import type { BooCode } from "../peers/boocode.ts";
import { usageOf } from "../processes.ts";
import { warmUp } from "./warm-up.ts";

/*
 * What one more idle socket and one more watched session take in the gateway, and one more running turn in the worker and in the gateway: the growth
 * of resident memory, in KB, which is somewhat more than what is used.
 * With `--seconds`, ten sessions then ask again and again for so long: resident memory of each service at ten moments.
 */
export async function memory(lab: Lab): Promise<void> {
  const { smoke, base, seconds } = lab.options;
  const count = smoke ? 5 : 500;
  for (const name of ["boocode", ...(base ? ["base"] : [])]) {
    const rows = await lab.withBooCode(name, async (boocode) => {
      const [first] = await openAskers(boocode, 1);
      if (!first?.socket) throw new Error("no session");
      for (let warm = 0; warm < (smoke ? 1 : 20); warm++) await warmUp([first]);
      const weigh = () => ({
        gateway: usageOf([boocode.gateway.pid]).rssMb,
        worker: usageOf([boocode.worker.pid]).rssMb,
      });
      const growth = async (act: () => Promise<unknown>) => {
        const before = weigh();
        await act();
        await sleep(smoke ? 0 : 2_000);
        const after = weigh();
        const each = (service: "gateway" | "worker") => ((after[service] - before[service]) * 1024) / count;
        return { "gateway KB": each("gateway"), "worker KB": each("worker") };
      };
      const { socket } = first;
      const [subscribers, askers]: [Subscriber[], Asker[]] = [[], []];
      const sockets = await growth(async () => subscribers.push(...(await subscribeAll(socket, count))));
      const watched = await growth(async () => askers.push(...(await openAskers(boocode, count))));
      let turns: Promise<unknown>[] = [];
      const running = await growth(async () => {
        turns = askers.map((asker) => asker.ask({ tokens: smoke ? 1 : 16, gapMs: 500, ttftMs: 0 }));
        await sleep(smoke ? 0 : 4_000);
      });
      await Promise.all(turns);
      if (seconds !== undefined) lab.table(`memory: ${name}, MB under load`, await watch(boocode, askers, seconds));
      for (const opened of [first, ...subscribers, ...askers]) opened.close();
      return [
        { "one more": "idle socket", ...sockets },
        { "one more": "watched session", ...watched },
        { "one more": "running turn", ...running },
      ];
    });
    for (const row of rows) lab.record("memory", { peer: name, ...row });
    lab.table(`memory: ${name}, growth over ${count}`, rows);
  }
}

async function watch(boocode: BooCode, askers: Asker[], seconds: number) {
  const rows: Record<string, number>[] = [];
  const start = performance.now();
  const weigh = () => {
    const [api = 0, worker = 0, gateway = 0] = boocode.services.map((pid) => usageOf([pid]).rssMb);
    rows.push({ "after s": Math.round((performance.now() - start) / 1_000), api, worker, gateway });
  };
  const weighing = setInterval(weigh, (seconds * 1_000) / 10);
  await closedLoop(askers.slice(0, 10), { tokens: 20, gapMs: 20, ttftMs: 100 }, { seconds, turns: 0 });
  clearInterval(weighing);
  weigh();
  return rows;
}
