import type { Lab } from "../lab.ts";
import { closedLoop, openLoop } from "../load/loops.ts";
import { measure } from "../load/measure.ts";
import { openAskers } from "../load/turns.ts";
import { makePlot } from "../report/plot.ts";
import { median } from "../report/statistics.ts";
import { summarize } from "./relay.ts";
import { warmUp } from "./warm-up.ts";

/*
 * `turns`: how many begin in a second? 5-token turns at a fixed rate over 200 sessions, a higher rate each time, until the first
 * token's p99 passes 250 ms or a turn fails. `turns-at-once`: how many run at the same time? Turns of 30 tokens/s, more each time,
 * until the p99 from model to subscriber passes 250 ms or a token is lost. Both print for each peer the last level that held.
 */
const LIMIT_MS = 250;

type Row = ReturnType<typeof summarize> & { cpuS: number; foreignCores: number; stealCores: number };

/** @param holds the last level that fulfils this counts; the level after it is the last one */
interface Ramp {
  name: string;
  unit: string;
  levels: number[];
  sessions(level: number): number;
  run(askers: Awaited<ReturnType<typeof openAskers>>, level: number): ReturnType<typeof openLoop>;
  holds(row: Row): boolean;
  p99(row: Row): number;
}

export async function turns(lab: Lab): Promise<void> {
  const { smoke, levels, seconds = 5, turns } = lab.options;
  await climb(lab, {
    name: "turns",
    unit: "turns/s",
    levels: levels ?? (smoke ? [20] : [20, 30, 45, 60, 80, 100, 125, 150, 200, 250, 300, 400, 500, 650, 800]),
    sessions: () => (smoke ? 4 : 200),
    run: (askers, perSecond) =>
      openLoop(askers, { tokens: 5, gapMs: 0, ttftMs: 0 }, { perSecond, turns: Math.max(turns, perSecond * seconds) }),
    holds: ({ ttftP99, failed }) => ttftP99 <= LIMIT_MS && failed === 0,
    p99: ({ ttftP99 }) => ttftP99,
  });
}

export async function turnsAtOnce(lab: Lab): Promise<void> {
  const { smoke, levels, seconds = 5, turns } = lab.options;
  await climb(lab, {
    name: "turns-at-once",
    unit: "turns at once",
    levels: levels ?? (smoke ? [2] : [100, 200, 300, 400, 500, 600, 700, 850, 1_000]),
    sessions: (level) => level,
    // Long turns, so that nearly all of them run at any moment.
    run: (askers) =>
      closedLoop(askers, { tokens: smoke ? 3 : 30 * seconds, gapMs: 1000 / 30, ttftMs: 0 }, { seconds, turns }),
    holds: ({ relayP99, failed, lost }) => relayP99 <= LIMIT_MS && failed === 0 && lost === 0,
    p99: ({ relayP99 }) => relayP99,
  });
}

async function climb(lab: Lab, ramp: Ramp): Promise<void> {
  const { peers } = lab.options;
  const rows: Row[] = [];
  const held = new Map<string, number[]>(peers.map((name) => [name, []]));
  await lab.alternate(peers, async (peer, model) => {
    const askers = await openAskers(peer, ramp.sessions(ramp.levels[0] as number));
    let last = 0;
    for (const level of ramp.levels) {
      askers.push(...(await openAskers(peer, Math.max(0, ramp.sessions(level) - askers.length))));
      await warmUp(askers);
      const { result, ...used } = await measure(peer, model.pid, () => ramp.run(askers, level));
      const cpuS = used.servicesCpuS + used.storesCpuS;
      const row = { ...summarize(peer.name, level, result, used.seconds), cpuS, ...used };
      lab.record(ramp.name, row);
      rows.push(row);
      if (!ramp.holds(row)) break;
      last = level;
    }
    held.get(peer.name)?.push(last);
    for (const asker of askers) asker.close();
  });
  const most = (name: string) => median(held.get(name) ?? []);
  lab.table(
    `${ramp.name}: the most ${ramp.unit} with a p99 of at most ${LIMIT_MS} ms, of ${ramp.levels.join(", ")}`,
    peers.map((peer) => {
      const own = rows.filter((row) => row.peer === peer && row.level === most(peer));
      const over = rows.filter((row) => row.peer === peer && row.level > most(peer));
      const of = (some: Row[], what: (row: Row) => number) => median(some.map(what));
      return {
        ...{ peer, [ramp.unit]: most(peer), "× plain": most(peer) / most("plain") },
        ...{ "p50 ms": of(own, (row) => Math.max(row.ttftP50, row.relayP50)), "p99 ms": of(own, ramp.p99) },
        "CPU ms/turn": of(own, ({ cpuS, turns }) => (cpuS / turns) * 1000),
        "then p99 ms": of(over, ramp.p99),
        "failed · lost": over.length === 0 ? "" : `${of(over, (row) => row.failed)} · ${of(over, (row) => row.lost)}`,
        ...{ foreign: of(own, (row) => row.foreignCores), steal: of(own, (row) => row.stealCores) },
      };
    }),
  );
  const lines = peers.map((name) => ({
    name,
    points: ramp.levels.map((x) => ({
      x,
      y: median(rows.filter((row) => row.peer === name && row.level === x).map(ramp.p99)),
    })),
  }));
  lab.plot(ramp.name, makePlot(`${ramp.name}: p99`, { x: ramp.unit, y: "ms" }, lines));
}
