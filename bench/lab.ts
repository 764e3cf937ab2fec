import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Options } from "./options.ts";
import { type BooCode, startBooCode } from "./peers/boocode.ts";
import { startDirect } from "./peers/direct.ts";
import type { Peer } from "./peers/peer.ts";
import { startPlain } from "./peers/plain.ts";
import { type Program, startProgram } from "./programs.ts";
import { makeTable } from "./report/table.ts";

/** What benchmarks share: the peers, each with a scripted model of its own, and where results go. */
export interface Lab {
  options: Options;
  /** Starts the named peer, runs the work, and stops it; in smoke runs peers are kept for the next benchmark. */
  withPeer<T>(name: string, work: (peer: Peer, model: Program) => Promise<T>): Promise<T>;
  /** The same for the product, `boocode` or `base`, with what only it has. */
  withBooCode<T>(
    name: string,
    work: (boocode: BooCode, model: Program) => Promise<T>,
    settings?: { counted: boolean },
  ): Promise<T>;
  /** Runs the work for each peer in turn, as often as there are repetitions. */
  alternate(peers: string[], work: (peer: Peer, model: Program) => Promise<void>): Promise<void>;
  /** Appends a row to the results. */
  record(benchmark: string, row: object): void;
  table(title: string, rows: Record<string, string | number>[]): void;
  plot(name: string, svg: string): void;
  close(): Promise<void>;
}

export function openLab(options: Options): Lab {
  mkdirSync(options.out, { recursive: true });
  const kept = new Map<string, { peer: Peer; model: Program }>();

  async function startPeer(name: string, modelUrl: string, counted: boolean): Promise<Peer> {
    if (name === "direct") return startDirect(modelUrl);
    if (name === "plain") return startPlain(modelUrl);
    const { users, limits, base } = options;
    const settings = { name, modelUrl, users, limits, counted };
    if (name === "boocode") return startBooCode(settings);
    // What limits cost, in one run.
    if (name === "unlimited") return startBooCode({ ...settings, limits: "off" });
    if (name === "base" && base !== undefined) return startBooCode({ ...settings, checkout: base });
    throw new Error(`no peer ${name}`);
  }

  async function withPeer<T>(
    name: string,
    work: (peer: Peer, model: Program) => Promise<T>,
    counted = options.smoke,
  ): Promise<T> {
    const known = kept.get(name);
    if (known) return await work(known.peer, known.model);
    const model = await startProgram("model/main.ts", {});
    const peer = await startPeer(name, String(model.hello.url), counted).catch(async (error) => {
      await model.stop();
      throw error;
    });
    if (options.smoke) kept.set(name, { peer, model });
    try {
      return await work(peer, model);
    } finally {
      if (!options.smoke) await Promise.allSettled([peer.stop(), model.stop()]);
    }
  }

  const lab: Lab = {
    options,
    withPeer,
    withBooCode: (name, work, settings) =>
      withPeer(name, (peer, model) => work(peer as BooCode, model), settings?.counted),
    async alternate(peers, work) {
      for (let repetition = 0; repetition < options.repetitions; repetition++)
        for (const name of peers) await lab.withPeer(name, work);
    },
    record(benchmark, row) {
      const at = new Date().toISOString();
      appendFileSync(join(options.out, `${benchmark}.jsonl`), `${JSON.stringify({ at, ...row })}\n`);
    },
    table(title, rows) {
      console.log(`\n## ${title}\n\n${makeTable(rows)}`);
    },
    plot(name, svg) {
      writeFileSync(join(options.out, `${name}.svg`), svg);
    },
    async close() {
      await Promise.allSettled([...kept.values()].flatMap(({ peer, model }) => [peer.stop(), model.stop()]));
    },
  };
  return lab;
}
