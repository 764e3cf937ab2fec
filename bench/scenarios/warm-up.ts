import { setTimeout as sleep } from "node:timers/promises";
import type { Asker } from "../load/turns.ts";

/** A short turn in each session, 20 at a time. @throws when one fails */
export async function warmUp(askers: Asker[]): Promise<void> {
  for (let at = 0; at < askers.length; at += 20) {
    const turns = askers.slice(at, at + 20).map((asker) => asker.ask({ tokens: 5, gapMs: 0, ttftMs: 0 }));
    for (const { failure } of await Promise.all(turns)) if (failure) throw new Error(`a first turn failed: ${failure}`);
  }
  await sleep(300);
}
