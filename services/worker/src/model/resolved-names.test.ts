import { expect, test } from "vitest";
import { createResolvedNames } from "./resolved-names.ts";

test("the full name of a model is known by what a session calls it, for each role, as it was resolved last", () => {
  const { remember, known } = createResolvedNames(10);
  remember(null, "user", "words");
  remember("m", "user", "a/m");
  remember("m", "admin", "b/m");
  expect(known()).toEqual({ user: { "": "words", m: "a/m" }, admin: { m: "b/m" } });
  remember("m", "user", "b/m");
  remember(null, "user", null);
  expect(known().user).toEqual({ m: "b/m" });
});

test("a name in full is not remembered, and of the others only the newest are", () => {
  const { remember, known } = createResolvedNames(2);
  remember("a/m", "user", "a/m");
  expect(known().user ?? {}).toEqual({});
  for (const name of ["x", "y", "z", "y"]) remember(name, "user", `a/${name}`);
  expect(known().user).toEqual({ y: "a/y", z: "a/z" });
  remember("y", "user", "y");
  expect(known().user).toEqual({ z: "a/z" });
});
