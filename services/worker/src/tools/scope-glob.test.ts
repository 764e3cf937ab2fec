import { expect, test } from "vitest";
import { scopeGlob } from "./scope-glob.ts";

test.each([
  ["*.ts", ".", "*.ts"],
  ["*.ts", "src", "*.ts"],
  ["src/*.ts", ".", "/src/*.ts"],
  ["./src/*.ts", ".", "/src/*.ts"],
  ["/a.ts", ".", "/a.ts"],
  ["**/*.ts", "src", "/src/**/*.ts"],
  ["lib/", ".", "/lib/**"],
  ["!lib/*.ts", "src", "!/src/lib/*.ts"],
  ["!*.ts", "src", "!*.ts"],
  ["a/b", "[id]", "/\\[id\\]/a/b"],
])("%j in %j is %j", (glob, directory, scoped) => {
  expect(scopeGlob(glob, directory)).toBe(scoped);
});
