import { expect, it } from "vitest";
import { createSwapsModels } from "../../src/model/discovery/swaps-models.ts";
import { modelServer, sendJson } from "./model-server.ts";

const model = (name: string, state = "ready") => ({ model: name, state });

/** @returns what is known after each of the server's answers to `/running`; null: it does not have the route */
async function known(answers: (unknown[] | null)[]): Promise<boolean[]> {
  let asked = 0;
  const { baseUrl } = await modelServer((_, response) => {
    const running = answers[asked++];
    sendJson(response, running ? 200 : 404, { running });
  });
  let now = 0;
  const swaps = createSwapsModels({ url: baseUrl }, 5_000, () => now);
  const seen: boolean[] = [];
  for (let round = 1; round <= answers.length; round++) {
    swaps.known();
    await expect.poll(() => asked).toBe(round);
    // The answer is read after the server has sent it.
    const expected = answers[round - 1] != null && (answers[round - 1]?.length ?? 0) < 2;
    await expect.poll(() => swaps.known()).toBe(expected);
    seen.push(swaps.known());
    now += 10 * 60_000;
  }
  return seen;
}

it("a llama-swap swaps until two of its models were ready together, and other servers never do", async () => {
  expect(await known([[], [model("x")]])).toEqual([true, true]);
  expect(await known([[model("x"), model("y")]])).toEqual([false]);
  expect(await known([null])).toEqual([false]);
});

it("a model that stops or starts beside the ready one does not count", async () => {
  let body: unknown = { running: [model("x", "stopping"), model("y")] };
  const { baseUrl } = await modelServer((_, response) => sendJson(response, 200, body));
  let now = 0;
  const swaps = createSwapsModels({ url: baseUrl }, 5_000, () => now);
  await expect.poll(() => swaps.known()).toBe(true);
  body = { running: [model("x"), model("y")] };
  now += 60_000;
  await expect.poll(() => swaps.known()).toBe(false);
  body = { running: [model("x")] };
  now += 10 * 60_000;
  expect(swaps.known()).toBe(false);
});
