import { setTimeout as sleep } from "node:timers/promises";
import { firstTokens, median, rounded, runAttack } from "./run-attack.ts";

/*
 * `npm run build && npm run bench -- attacks/fair-shares/model-slots`
 *
 * One user posts 50 turns for a model server with 4 slots. Prints another user's wait for the first token meanwhile, as a ratio
 * to the time of one turn. Goal: at most 2.
 */
const TURN_MS = 1_500;

await runAttack({ workerSlots: 100, server: { max_concurrent: 4 } }, async ({ newUser }) => {
  const [attacker, other] = [await newUser("attacker"), await newUser("other")];
  await firstTokens(other, 3);
  const idle = median(await firstTokens(other, 5));
  for (let turn = 0; turn < 50; turn++) void attacker(TURN_MS);
  await sleep(3_000);
  const during = await firstTokens(other, 7);
  const ratio = (ms: number) => rounded(ms / (TURN_MS + idle));
  return {
    ...{ name: "model slots", idle_ms: rounded(idle), turn_ms: TURN_MS },
    ...{ ratio: ratio(median(during)), worst_ratio: ratio(Math.max(...during)), goal: 2 },
  };
});
process.exit();
