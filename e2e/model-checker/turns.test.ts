import { it } from "vitest";
import { expectToHold, PATIENCE_MS } from "./holds.ts";
import { turnModel } from "./turns/model.ts";
import { SCOPES } from "./turns/scopes.ts";

for (const scope of Object.values(SCOPES)) {
  it(`the turn protocol keeps its invariants in every state: ${scope.name}`, { timeout: PATIENCE_MS }, () => {
    expectToHold(`turns, ${scope.name}`, turnModel(scope));
  });
}
