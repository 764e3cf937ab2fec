import { setTimeout as delay } from "node:timers/promises";
import type { Ready } from "@boocode/contracts";
import type { ServiceProcess } from "@boocode/local-stack";
import type { System } from "./start-system.ts";

export async function readiness({ url }: ServiceProcess): Promise<Ready> {
  return (await (await fetch(`${url}/readyz`)).json()) as Ready;
}

/**
 * Resolves when every service says that it can do all of its work.
 * @returns how long that took, in ms
 * @throws with what is down, when that takes longer than `ms`
 */
export async function untilReady(system: System, ms = 15_000): Promise<number> {
  const began = performance.now();
  for (;;) {
    const services = [...system.apis, ...system.workers, ...system.gateways];
    const answers = await Promise.all(
      services.map(async (service) => ({ of: service.name, ...(await readiness(service)) })),
    );
    const down = answers.filter(({ status }) => status !== "ready");
    const tookMs = performance.now() - began;
    if (down.length === 0) return tookMs;
    if (tookMs > ms) throw new Error(`not ready after ${ms} ms: ${JSON.stringify(down)}`);
    await delay(100);
  }
}
