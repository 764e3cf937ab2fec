import { setTimeout as sleep } from "node:timers/promises";
import type { Lab } from "../lab.ts";
import { measure } from "../load/measure.ts";
import { subscribeAll } from "../load/subscribers.ts";
import { openAskers } from "../load/turns.ts";
import { makePlot } from "../report/plot.ts";
import { median, quantile } from "../report/statistics.ts";
import { warmUp } from "./warm-up.ts";

/** In ms. What has not arrived after a pause of this length is lost. */
const QUIET_MS = 3_000;

/** Waits until everything has arrived. A peer that cannot keep up is late, and must not be taken for one that loses. */
async function untilQuiet(received: () => number, all: number): Promise<void> {
  let last = received();
  for (let quietMs = 0; last < all && quietMs < QUIET_MS; ) {
    await sleep(100);
    const now = received();
    quietMs = now > last ? 0 : quietMs + 100;
    last = now;
  }
}

/*
 * One session with 1,000 subscribers and a turn of 100 tokens/s. How many frames arrive for each CPU second of services and stores, how late, and
 * does everything arrive?
 */
export async function fanout(lab: Lab): Promise<void> {
  const { smoke, seconds = 10 } = lab.options;
  const levels = lab.options.levels ?? (smoke ? [20] : [100, 1_000]);
  const peers = lab.options.peers.filter((name) => name !== "direct");
  const rows: Record<string, number | string>[] = [];
  await lab.alternate(peers, async (peer, model) => {
    for (const level of levels) {
      const [asker] = await openAskers(peer, 1);
      if (!asker?.socket) return;
      await warmUp([asker]);
      const subscribers = await subscribeAll(asker.socket, level);
      await sleep(1_000);
      const tokens = Math.max(3, 100 * seconds);
      const { result, ...used } = await measure(peer, model.pid, async () => {
        const turn = await asker.ask({ tokens, gapMs: 10, ttftMs: 100 });
        await untilQuiet(() => subscribers.reduce((sum, { tokens: got }) => sum + got.size, 0), tokens * level);
        return turn;
      });
      const lateMs = subscribers.flatMap((one) => one.lateMs);
      const frames = subscribers.reduce((sum, { tokens: got }) => sum + got.size, 0);
      const row = {
        ...{ subscribers: level, peer: peer.name, lost: tokens * level - frames, failure: result.failure ?? "" },
        "frames per CPU s": frames / (used.servicesCpuS + used.storesCpuS),
        ...{ "p50 ms": median(lateMs), "p99 ms": quantile(lateMs, 0.99) },
        ...{ foreign: used.foreignCores, steal: used.stealCores },
      };
      lab.record("fanout", row);
      rows.push(row);
      for (const subscriber of subscribers) subscriber.close();
      asker.close();
    }
  });
  const of = (level: number, peer: string, what: string) =>
    median(rows.filter((row) => row.subscribers === level && row.peer === peer).map((row) => Number(row[what])));
  const numbers = ["lost", "frames per CPU s", "p50 ms", "p99 ms", "foreign", "steal"];
  const shown = levels.flatMap((level) =>
    peers.map((peer) => ({
      ...{ subscribers: level, peer },
      ...Object.fromEntries(numbers.map((what) => [what, of(level, peer, what)])),
      "frames × plain": of(level, peer, "frames per CPU s") / of(level, "plain", "frames per CPU s"),
      "p99 × plain": of(level, peer, "p99 ms") / of(level, "plain", "p99 ms"),
    })),
  );
  lab.table("fanout: one turn of 100 tokens/s, medians of the repetitions", shown);
  const lines = peers.map((name) => ({ name, points: levels.map((x) => ({ x, y: of(x, name, "p99 ms") })) }));
  lab.plot("fanout", makePlot("Model to subscriber, p99", { x: "subscribers", y: "ms" }, lines));
}
