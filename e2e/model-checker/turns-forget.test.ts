import { expect, it } from "vitest";
import { explore } from "./explore.ts";
import { TIMEOUT_MS } from "./holds.ts";
import { forget } from "./turns/forget.ts";
import { turnModel } from "./turns/model.ts";
import { PROTOCOL, type Scope } from "./turns/rules.ts";
import { SCOPES } from "./turns/scopes.ts";
import { keyOf, type World } from "./turns/state.ts";

/** All states that a model reaches, reduced by `forget` and without the number of remaining faults. */
function reached(scope: Scope, keep: typeof forget): Set<string> {
  const model = turnModel(scope, [], keep);
  const states = new Set<string>();
  const key = (world: World) => {
    states.add(keyOf({ ...forget(PROTOCOL, world), faults: 0 }));
    return model.key(world);
  };
  expect(explore({ ...model, key }, 1_000_000, () => performance.now()).counterexample).toBeNull();
  return states;
}

const scopes: readonly Scope[] = [
  { ...SCOPES.oneTurn, workers: 2, faults: 2, steps: 1 },
  { ...SCOPES.twoTurns, faults: 1, turns: 1, posts: ["k"] },
];

for (const scope of scopes) {
  it(`a turn model with forget reaches the same states as one without: ${scope.name}`, {
    timeout: TIMEOUT_MS,
  }, () => {
    const states = reached(scope, forget);
    expect(states).toEqual(reached(scope, (_, world) => world));
    expect(states.size).toBeGreaterThan(1_000);
  });
}
