import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repositoryRoot } from "@boocode/backing-services";
import { afterAll, expect, test } from "vitest";
import toolProcessFlags from "../../libs/project-tools/src/pool/process-flags.json" with { type: "json" };

const folder = mkdtempSync(join(tmpdir(), "boocode-cache-"));
afterAll(() => rmSync(folder, { recursive: true }));
const node = (...args: string[]) => execFileSync(process.execPath, args, { encoding: "utf8" }).trim();

test.each([
  ["api", []],
  ["worker", []],
  ["gateway", []],
  ["api/tool-process", toolProcessFlags],
  ["worker/tool-process", toolProcessFlags],
])("V8 accepts the code cache of the %s", (service, flags) => {
  const read = (name: string) => `fs.readFileSync(${JSON.stringify(join(repositoryRoot, "dist", service, name))})`;
  const cachedData = `${read("bundle.cache")}.subarray(0, -64)`;
  const script = `new vm.Script(${read("bundle.js")}.toString(), { cachedData: ${cachedData} })`;
  expect(node(...flags, "-p", `${script}.cachedDataRejected`)).toBe("false");
  // Code from the cache cannot import.
  expect(readFileSync(join(repositoryRoot, "dist", service, "bundle.js"), "utf8")).not.toMatch(/\bimport\("/);
});

test("a bundle never runs with the cache of another, not even of one of the same length", () => {
  const bundle = join(folder, "bundle.js");
  const write = (word: string) =>
    writeFileSync(bundle, `(function () { console.log("${word}"); })\n// ${word.repeat(64).slice(0, 64)}`);
  write("new");
  node(join(repositoryRoot, "scripts/make-code-cache.mjs"), bundle, join(folder, "bundle.cache"));
  cpSync(join(repositoryRoot, "scripts/run-bundle.mjs"), join(folder, "main.mjs"));
  expect(node(join(folder, "main.mjs"))).toBe("new");
  write("now");
  expect(node(join(folder, "main.mjs"))).toBe("now");
});
