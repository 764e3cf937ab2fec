import { it } from "vitest";
import { deliveryModel } from "./delivery/model.ts";
import { WATCHING } from "./delivery/scopes.ts";
import { expectToHold, TIMEOUT_MS } from "./holds.ts";

for (const scope of Object.values(WATCHING)) {
  it(`the delivery protocol keeps its invariants in every state: ${scope.name}`, { timeout: TIMEOUT_MS }, () => {
    expectToHold(`delivery, ${scope.name}`, deliveryModel(scope));
  });
}
