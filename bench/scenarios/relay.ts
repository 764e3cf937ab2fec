import type { Lab } from "../lab.ts";
import { closedLoop } from "../load/loops.ts";
import { measure } from "../load/measure.ts";
import { type Asker, openAskers, type Turn, ttftMs } from "../load/turns.ts";
import { usageOf } from "../processes.ts";
import { makePlot } from "../report/plot.ts";
import { median, medians, quantile } from "../report/statistics.ts";
import { rounded } from "../report/table.ts";
import { warmUp } from "./warm-up.ts";

/*
 * Sessions that ask for 100 tokens at 100 tokens/s, again and again. How many tokens arrive, how late is the first one (over the model's own
 * time) and each of them, and what CPU time do services and stores take? `direct` is the floor, `plain` the price of the architecture.
 */
const SCRIPT = { tokens: 100, gapMs: 10, ttftMs: 50 };

export async function relay(lab: Lab): Promise<void> {
  const { smoke, seconds = 4, turns, repetitions, peers } = lab.options;
  const levels = lab.options.levels ?? (smoke ? [2] : [1, 10, 50, 200]);
  const script = smoke ? { ...SCRIPT, tokens: 5, ttftMs: 0 } : SCRIPT;
  const rows: Row[] = [];
  await lab.alternate(peers, async (peer, model) => {
    const idleRssMb = usageOf(peer.services).rssMb;
    const askers: Asker[] = [];
    for (const level of levels) {
      askers.push(...(await openAskers(peer, Math.max(0, level - askers.length))));
      const asking = askers.slice(0, level);
      await warmUp(asking);
      const until = { seconds, turns: Math.ceil(turns / repetitions) };
      const { result, ...used } = await measure(peer, model.pid, () => closedLoop(asking, script, until));
      const row = { ...summarize(peer.name, level, result, used.seconds), idleRssMb, ...used };
      lab.record("relay", row);
      rows.push(row);
    }
    for (const asker of askers) asker.close();
  });
  report(lab, levels, rows);
}

type Row = ReturnType<typeof summarize> & { idleRssMb: number } & Omit<Awaited<ReturnType<typeof measure>>, "result">;

/** What turns received, as medians and percentiles in ms. */
export function summarize(peer: string, level: number, turns: Turn[], seconds: number) {
  const [relayMs, ttfts] = [turns.flatMap((turn) => turn.relayMs), turns.map(ttftMs)];
  const failed = turns.filter(({ failure }) => failure !== null);
  return {
    ...{ peer, level, turns: turns.length, tokens: relayMs.length, failed: failed.length },
    failure: failed[0]?.failure ?? "",
    lost: turns.reduce((sum, turn) => sum + turn.script.tokens - turn.relayMs.length, 0),
    tokensPerS: relayMs.length / seconds,
    ...{ ttftP50: median(ttfts), ttftP99: quantile(ttfts, 0.99) },
    ...{ relayP50: median(relayMs), relayP99: quantile(relayMs, 0.99) },
  };
}

function report(lab: Lab, levels: number[], rows: Row[]): void {
  const { peers } = lab.options;
  const shown = levels.flatMap((level) => {
    const of = (peer: string) => {
      const same = rows.filter((row) => row.peer === peer && row.level === level);
      return same.length > 0 ? { ...medians(same), turns: same.reduce((sum, row) => sum + row.turns, 0) } : undefined;
    };
    const [direct, plain] = [of("direct"), of("plain")];
    const cpu = ({ servicesCpuS, storesCpuS, tokens }: Row) => ((servicesCpuS + storesCpuS) / tokens) * 1e5;
    return peers.flatMap((peer) => {
      const row = of(peer);
      if (!row) return [];
      const per100k = (seconds: number) => rounded((seconds / row.tokens) * 1e5);
      const times = (own: number, other: number | undefined) =>
        other === undefined ? "" : ` (${rounded(own / other)} ×)`;
      return {
        sessions: level,
        ...{ peer, turns: row.turns },
        "tokens/s (× direct)": `${rounded(row.tokensPerS)}${times(row.tokensPerS, direct?.tokensPerS)}`,
        "× plain": plain ? row.tokensPerS / plain.tokensPerS : Number.NaN,
        "TTFT over model p50 ms (× plain)": `${rounded(row.ttftP50)}${times(row.ttftP50, plain?.ttftP50)}`,
        "TTFT p99": row.ttftP99,
        "relay p50 ms (− plain)": `${rounded(row.relayP50)}${plain ? ` (${rounded(row.relayP50 - plain.relayP50)})` : ""}`,
        "relay p99 ms (× plain)": `${rounded(row.relayP99)}${times(row.relayP99, plain?.relayP99)}`,
        "CPU s/100k tokens (× plain)": `${per100k(row.servicesCpuS)} + ${per100k(row.storesCpuS)}${plain ? times(cpu(row), cpu(plain)) : ""}`,
        "of each process": row.eachCpuS.map(per100k).join(" + "),
        "RSS MB idle · peak": `${rounded(row.idleRssMb)} · ${rounded(row.peakRssMb)}`,
        "failed · lost": `${row.failed} · ${row.lost}`,
        "foreign · steal cores": `${rounded(row.foreignCores)} · ${rounded(row.stealCores)}`,
      };
    });
  });
  lab.table(
    "relay: 100-token turns at 100 tokens/s; CPU of services + stores and of each process, RSS of services",
    shown,
  );
  const line = (y: (row: Row) => number) =>
    peers.map((name) => ({
      name,
      points: levels.map((x) => ({ x, y: median(rows.filter((row) => row.peer === name && row.level === x).map(y)) })),
    }));
  const axes = { x: "sessions", y: "ms" };
  lab.plot(
    "relay-ttft",
    makePlot(
      "First token over the model's own, p50",
      axes,
      line((row) => row.ttftP50),
    ),
  );
  lab.plot(
    "relay-p99",
    makePlot(
      "Model to subscriber per token, p99",
      axes,
      line((row) => row.relayP99),
    ),
  );
}
