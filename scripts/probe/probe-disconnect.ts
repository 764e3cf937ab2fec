import { setTimeout as sleep } from "node:timers/promises";
import { requestTo } from "@boocode/model-servers";
import { asObject } from "../../services/worker/src/model/json-value.ts";
import { askRaw, type Probed } from "./ask-raw.ts";

const WITHIN_MS = 5_000;
const EVERY_MS = 100;

/**
 * Whether generation stops when the client disconnects. Reads llama.cpp's `/slots`, also behind llama-swap.
 * @param script a directive for the scripted model
 * @returns null when it cannot be determined
 */
export async function stopsOnDisconnect(server: Probed, script: string): Promise<boolean | null> {
  const before = await busySlots(server);
  if (before === null) return null;
  const client = new AbortController();
  const messages = [{ role: "user", content: `Count slowly from one to a thousand, in words. ${script}` }];
  const asked = askRaw(server, { messages, max_tokens: 4_000 }, () => client.abort(), client.signal).catch(() => {});
  // A request that is aborted between two reads may never settle; without the timer, the process would then exit.
  const enough = new AbortController();
  await Promise.race([asked, sleep(WITHIN_MS, null, { signal: enough.signal }).catch(() => {})]);
  enough.abort();
  client.abort();
  for (let waited = 0; waited < WITHIN_MS; waited += EVERY_MS) {
    const now = await busySlots(server);
    if (now === null) return null;
    if (now <= before) return true;
    await sleep(EVERY_MS);
  }
  return false;
}

async function busySlots(server: Probed): Promise<number | null> {
  for (const path of [`/upstream/${encodeURIComponent(server.model)}/slots`, "/slots"]) {
    const response = await requestTo(server, path, { signal: AbortSignal.timeout(2_000) }).catch(() => null);
    const slots = response?.ok ? await response.json().catch(() => null) : null;
    if (Array.isArray(slots)) return slots.filter((slot) => asObject(slot).is_processing === true).length;
  }
  return null;
}
