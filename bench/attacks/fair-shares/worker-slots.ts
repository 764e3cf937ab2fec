import { setTimeout as sleep } from "node:timers/promises";
import { firstTokens, median, rounded, runAttack } from "./run-attack.ts";

/*
 * `npm run build && npm run bench -- attacks/fair-shares/worker-slots`
 *
 * One user posts 70 long turns to a worker with 50 slots. Prints the time to another user's first token meanwhile, as a ratio to
 * the same before the attack. Goal: at most 2.
 */
await runAttack({ workerSlots: 50 }, async ({ newUser }) => {
  const [attacker, other] = [await newUser("attacker"), await newUser("other")];
  await firstTokens(other, 3);
  const idle = median(await firstTokens(other, 9));
  let holds = 0;
  for (let turn = 0; turn < 70; turn++) void attacker(45_000).then(() => (holds += 1));
  await sleep(6_000);
  const during = await firstTokens(other, 9);
  return {
    ...{ name: "worker slots", idle_ms: rounded(idle), attacker_holds: holds },
    ...{ ratio: rounded(median(during) / idle), worst_ratio: rounded(Math.max(...during) / idle), goal: 2 },
  };
});
process.exit();
