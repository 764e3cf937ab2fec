import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLocalSlots, type LocalRequest } from "./local-slots.ts";
import { MODEL_LINGER_MS, MODEL_TURN_MS } from "./queue-order.ts";

const STEP_MS = 500;

/** Serves requests that arrive at given steps, each for some steps. @returns each request with its wait, and how often the model changed */
function serve(arrivals: { at: number; steps: number; user: string; model: string }[], server: number, swaps: boolean) {
  let now = 0;
  const slots = createLocalSlots(() => now);
  const waiting: { request: LocalRequest; steps: number; since: number; at: number }[] = [];
  const running: { request: LocalRequest; until: number }[] = [];
  const waits: number[] = [];
  let [loaded, changes] = ["", 0];
  const todo = arrivals.toSorted((a, b) => a.at - b.at);
  for (let step = 0; todo.length + waiting.length + running.length > 0; step++) {
    now = step * STEP_MS;
    for (const one of running.filter(({ until }) => until <= step)) {
      running.splice(running.indexOf(one), 1);
      slots.leave(one.request);
    }
    while (todo[0] && todo[0].at <= step) {
      const { user, model, steps } = todo.shift() as (typeof todo)[number];
      const request = { server: "s", user, model, limits: { server, model: null }, swaps };
      waiting.push({ request, steps, since: step, at: waiting.length });
    }
    for (const one of [...waiting]) slots.ask(one.request);
    for (let progress = true; progress; ) {
      progress = false;
      for (const one of [...waiting]) {
        if (slots.ask(one.request) !== 0) continue;
        slots.enter(one.request);
        waiting.splice(waiting.indexOf(one), 1);
        running.push({ request: one.request, until: step + one.steps });
        waits.push((step - one.since) * STEP_MS);
        if (one.request.model !== loaded) changes += 1;
        loaded = one.request.model;
        progress = true;
      }
    }
    expect(running.length).toBeLessThanOrEqual(server);
  }
  return { waits, changes };
}

describe("the order of the queue at a model server", () => {
  const arrival = fc.record({
    at: fc.nat(200),
    steps: fc.integer({ min: 1, max: 8 }),
    user: fc.constantFrom("a", "b", "c"),
    model: fc.constantFrom("x", "y", "z"),
  });

  it("lets nobody wait for ever, and changes the model at most once for each turn of a model", () => {
    fc.assert(
      fc.property(fc.array(arrival, { maxLength: 60 }), fc.integer({ min: 1, max: 4 }), (arrivals, server) => {
        const { waits, changes } = serve(arrivals, server, true);
        // All of the work one after the other, and the reserved time after each change.
        const work = arrivals.reduce((sum, { steps }) => sum + steps * STEP_MS, 0);
        const bound = work + changes * (MODEL_LINGER_MS + STEP_MS) + MODEL_TURN_MS + 200 * STEP_MS;
        expect(waits).toHaveLength(arrivals.length);
        expect(Math.max(0, ...waits)).toBeLessThanOrEqual(bound);
      }),
      { numRuns: 60 },
    );
  });

  it("changes the model of a busy server after its turn and not with each request, and lets each model wait for a turn at most", () => {
    // Two users who always have two more requests, for a model each, at a server with two slots.
    const arrivals = Array.from({ length: 240 }, (_, at) => ({
      at: Math.floor(at / 2),
      steps: 2,
      user: "",
      model: "",
    })).map((one, at) => ({ ...one, user: at % 2 ? "a" : "b", model: at % 2 ? "x" : "y" }));
    const { changes } = serve(arrivals, 2, true);
    const total = 120 * 2 * STEP_MS;
    expect(changes).toBeGreaterThan(2);
    expect(changes).toBeLessThanOrEqual(2 + Math.ceil(total / MODEL_TURN_MS));
    expect(serve(arrivals, 2, false).changes).toBeGreaterThan(50);
  });
});
