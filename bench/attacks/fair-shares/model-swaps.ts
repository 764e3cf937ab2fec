import { rounded, runAttack } from "./run-attack.ts";

/*
 * `npm run build && npm run bench -- attacks/fair-shares/model-swaps`
 *
 * Two users ask in turn for two models of one llama-swap, which holds one at a time and takes 2 s to load it. Prints the answers
 * in 10 s by one user alone, those of both in 40 s as a ratio, how often the model changed, and the longest wait. Goal: a change
 * for each 30 s at most, besides the first two.
 */
const [ANSWER_MS, SWAP_MS] = [400, 2_000];

await runAttack({ workerSlots: 20, swapMs: SWAP_MS, server: { max_concurrent: 4 } }, async ({ newUser, model }) => {
  const users = [await newUser("one"), await newUser("two")];
  let worst = 0;
  /** Two sessions of each user ask for the user's model again and again. */
  async function busy(which: typeof users, models: string[], seconds: number): Promise<number> {
    const until = performance.now() + seconds * 1_000;
    let answers = 0;
    const loops = which.flatMap((ask, at) =>
      [0, 1].map(async () => {
        while (performance.now() < until) {
          const { firstTokenMs, ended } = await ask(ANSWER_MS, models[at]);
          worst = Math.max(worst, firstTokenMs);
          await ended;
          answers += 1;
        }
      }),
    );
    await Promise.all(loops);
    return answers;
  }
  await busy([users[0] as (typeof users)[0]], ["x"], 3);
  const alone = await busy([users[0] as (typeof users)[0]], ["x"], 8);
  const before = model.swaps();
  const both = await busy(users, ["x", "y"], 35);
  return {
    ...{ name: "model swaps", answers_alone: alone, answers_ratio: rounded(both / ((alone * 35) / 8)) },
    ...{ swaps: model.swaps() - before, goal: 3, longest_wait_s: rounded(worst / 1_000) },
  };
});
process.exit();
