import { firstTokens, median, rounded, runAttack } from "../fair-shares/run-attack.ts";

/*
 * `npm run build && npm run bench -- attacks/limits/posts`
 *
 * One user sends 500 posts for long turns, 20 at a time, each to a session of its own, with the default limits. Prints how each was
 * answered, and the time to another user's first token in the first second of the posts, during all of them and after them, as ratios
 * to the same before the attack. Goal: at most 2.
 */
const [POSTS, AT_ONCE, BURST_MS] = [500, 20, 1_000];

await runAttack({ workerSlots: 50, userLimits: "{}" }, async ({ newAccount }) => {
  // The other asks more often than it may, only to give enough samples.
  const [attacker, other] = [await newAccount("attacker"), await newAccount("other", { posts_per_minute: null })];
  const sessions: string[] = [];
  for (let made = 0; made < POSTS; made++) sessions.push(await attacker.newSession());
  await firstTokens(other.ask, 3);
  const idle = median(await firstTokens(other.ask, 9));

  const answers: Record<string, number> = {};
  let isPosting = true;
  async function postSome(): Promise<void> {
    for (let session = sessions.pop(); session; session = sessions.pop()) {
      const answer = await attacker.send(`/api/sessions/${session}/messages`, { content: "[answer attack 45000]" });
      const { error } = (await answer.json()) as { error?: { code: string } };
      const key = `${answer.status} ${error?.code ?? "accepted"}`;
      answers[key] = (answers[key] ?? 0) + 1;
    }
  }
  const posting = Promise.all(Array.from({ length: AT_ONCE }, postSome)).then(() => {
    isPosting = false;
  });
  const during: number[] = [];
  const inBurst: number[] = [];
  for (const startedAt = performance.now(); isPosting; ) {
    const isEarly = performance.now() - startedAt < BURST_MS;
    const [ms = 0] = await firstTokens(other.ask, 1);
    during.push(ms);
    if (isEarly) inBurst.push(ms);
  }
  await posting;
  const after = await firstTokens(other.ask, 9);
  const ratio = (values: number[]) => rounded(median(values) / idle);
  return {
    ...{ name: "posts", posts: POSTS, answers, idle_ms: rounded(idle), samples_during: during.length },
    ...{
      ratio_in_burst: ratio(inBurst),
      worst_in_burst: rounded(Math.max(...inBurst) / idle),
      ratio_during: ratio(during),
      ratio_after: ratio(after),
    },
    ...{ worst_ratio: rounded(Math.max(...during, ...after) / idle), goal: 2 },
  };
});
process.exit();
