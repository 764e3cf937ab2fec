import type { Peer } from "../peers/peer.ts";
import { machineTime, usageOf } from "../processes.ts";
import { nowUs } from "../stamp.ts";

/** What was used while something ran. */
export interface Measured<T> {
  result: T;
  seconds: number;
  servicesCpuS: number;
  storesCpuS: number;
  /** The most that the services took at once. */
  peakRssMb: number;
  /** Cores that other programs took: what this measurement is worth. */
  foreignCores: number;
  stealCores: number;
}

export async function measure<T>(peer: Peer, modelPid: number, act: () => Promise<T>): Promise<Measured<T>> {
  const read = () => ({
    services: usageOf(peer.services).cpuS,
    stores: usageOf(peer.stores).cpuS,
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
    const spent = (what: Exclude<keyof typeof before, "atUs">) => after[what] - before[what];
    const known = spent("services") + spent("stores") + spent("own");
    return {
      ...{ result, seconds, peakRssMb, servicesCpuS: spent("services"), storesCpuS: spent("stores") },
      foreignCores: Math.max(0, spent("busyS") - known) / seconds,
      stealCores: spent("stealS") / seconds,
    };
  } finally {
    clearInterval(weighing);
  }
}
