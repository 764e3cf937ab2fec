import type { Peer } from "../peers/peer.ts";
import { machineTime, usageOf } from "../processes.ts";
import { nowUs } from "../stamp.ts";

/** What was used while something ran. */
export interface Measured<T> {
  result: T;
  seconds: number;
  servicesCpuS: number;
  /** Of each of the peer's services and stores, in their order. */
  eachCpuS: number[];
  storesCpuS: number;
  /** The most that the services took at once. */
  peakRssMb: number;
  /** Cores that other programs took: what this measurement is worth. */
  foreignCores: number;
  stealCores: number;
}

export async function measure<T>(peer: Peer, modelPid: number, act: () => Promise<T>): Promise<Measured<T>> {
  const cpuOf = (pids: number[]) => pids.map((pid) => usageOf([pid]).cpuS);
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  const read = () => ({
    each: cpuOf([...peer.services, ...peer.stores]),
    own: usageOf([modelPid]).cpuS + (process.cpuUsage().user + process.cpuUsage().system) / 1e6,
    ...machineTime(),
    atUs: nowUs(),
  });
  let peakRssMb = usageOf(peer.services).rssMb;
  const weighing = setInterval(() => {
    peakRssMb = Math.max(peakRssMb, usageOf(peer.services).rssMb);
  }, 500);
  const before = read();
  try {
    const result = await act();
    const after = read();
    const seconds = (after.atUs - before.atUs) / 1e6;
    const spent = (what: "own" | "busyS" | "stealS") => after[what] - before[what];
    const eachCpuS = after.each.map((cpuS, at) => cpuS - (before.each[at] ?? 0));
    const [services, stores] = [eachCpuS.slice(0, peer.services.length), eachCpuS.slice(peer.services.length)];
    const known = sum(eachCpuS) + spent("own");
    return {
      ...{ result, seconds, peakRssMb, eachCpuS, servicesCpuS: sum(services), storesCpuS: sum(stores) },
      foreignCores: Math.max(0, spent("busyS") - known) / seconds,
      stealCores: spent("stealS") / seconds,
    };
  } finally {
    clearInterval(weighing);
  }
}
