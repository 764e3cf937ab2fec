import { expect, test } from "vitest";
import { createModelCheck } from "./check-model.ts";

/** A store with sessions that name models, of which users may use `cheap` only. */
function setUp(restrictsModels = true) {
  const models: Record<string, string> = {};
  const asked: (string[] | undefined)[] = [];
  const withModel = createModelCheck({
    restrictsModels,
    mayUseModel: async (name, role) => role === "admin" || name === "cheap",
  });
  const post = (sessionId: string, role: "user" | "admin" = "user") => {
    asked.length = 0;
    return withModel({ role }, sessionId, async ({ checkedModels }) => {
      asked.push(checkedModels);
      const model = models[sessionId];
      const isUnchecked = model !== undefined && checkedModels && !checkedModels.includes(model);
      return isUnchecked ? { kind: "model_unchecked" as const, model } : { kind: "posted" as const };
    });
  };
  return { models, asked, post };
}

test("where no model is restricted, nothing is checked", async () => {
  const { models, asked, post } = setUp(false);
  models.s = "costly";
  expect(await post("s")).toEqual({ kind: "posted" });
  expect(asked).toEqual([undefined]);
});

test("a session's model is learned with the first turn and then checked beforehand", async () => {
  const { models, asked, post } = setUp();
  expect(await post("s")).toEqual({ kind: "posted" });
  models.s = "cheap";
  expect(await post("s")).toEqual({ kind: "posted" });
  expect(asked).toEqual([[], ["cheap"]]);
  expect(await post("s")).toEqual({ kind: "posted" });
  expect(asked).toEqual([["cheap"]]);
});

test("a model that the caller may not use is refused, each time, and another caller may use it", async () => {
  const { models, asked, post } = setUp();
  models.s = "costly";
  for (const calls of [2, 1]) {
    expect(await post("s")).toEqual({ kind: "model_unchecked", model: "costly" });
    expect(asked).toHaveLength(calls);
  }
  expect(await post("s", "admin")).toEqual({ kind: "posted" });
  models.s = "cheap";
  expect(await post("s")).toEqual({ kind: "posted" });
  models.s = "costly";
  expect(await post("s")).toEqual({ kind: "model_unchecked", model: "costly" });
});
