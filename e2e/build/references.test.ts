import { readdirSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "@boocode/backing-services";
import { expect, test } from "vitest";
import { readText } from "./read-repository.ts";

const json = (path: string) => JSON.parse(readText(path));
const references = (path: string): string[] =>
  (json(path).references ?? []).map((reference: { path: string }) => reference.path);
const built = references("tsconfig.json").filter((path) => path !== "docker");

test("`npm run build` builds every service", () => {
  const services = readdirSync(join(repositoryRoot, "services")).map((name) => `services/${name}`);
  expect(built).toEqual(expect.arrayContaining(services));
});

test.each(built)("the project references of %s are its dependencies", (path) => {
  const dependencies = Object.keys(json(`${path}/package.json`).dependencies ?? {});
  const names = references(`${path}/tsconfig.json`).map(
    (reference) => json(join(path, reference, "package.json")).name,
  );
  expect(names.sort()).toEqual(dependencies.filter((name) => name.startsWith("@boocode/")).sort());
});

test("built packages depend only on built packages", () => {
  const needed = built.flatMap((path) => references(`${path}/tsconfig.json`).map((reference) => join(path, reference)));
  expect(built).toEqual(expect.arrayContaining(needed));
});
