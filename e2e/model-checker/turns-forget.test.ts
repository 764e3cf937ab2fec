import { expect, it } from "vitest";
import { explore } from "./explore.ts";
import { PATIENCE_MS } from "./holds.ts";
import { forget } from "./turns/forget.ts";
import { turnModel } from "./turns/model.ts";
import { PROTOCOL, type Scope } from "./turns/rules.ts";
import { SCOPES } from "./turns/scopes.ts";
import { keyOf, type World } from "./turns/state.ts";

/** All that a model comes to, less what may be forgotten, and less what it has left to spend on faults that change nothing. */
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
  it(`a turn model that forgets comes to all that one that keeps everything comes to: ${scope.name}`, {
    timeout: PATIENCE_MS,
  }, () => {
    const states = reached(scope, forget);
    expect(states).toEqual(reached(scope, (_, world) => world));
    expect(states.size).toBeGreaterThan(1_000);
  });
}
