import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { checkTools } from "../src/check-tools.ts";

afterEach(() => vi.unstubAllEnvs());

test("the tools are ready with a temporary folder and ripgrep, and nothing is left behind", async () => {
  const folder = await mkdtemp(join(tmpdir(), "boocode-test-"));
  vi.stubEnv("TMPDIR", folder);
  await checkTools();
  expect(readdirSync(folder)).toEqual([]);
  await rm(folder, { recursive: true });
});

test("without a temporary folder they are not", async () => {
  vi.stubEnv("TMPDIR", "/nowhere/at/all");
  await expect(checkTools()).rejects.toMatchObject({ code: "ENOENT" });
});
