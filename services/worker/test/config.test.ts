import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GROUP_NAMES } from "@boocode/project-tools";
import { loadConfig } from "@boocode/runtime";
import { afterAll, describe, expect, it } from "vitest";
import { Config, isolatedCapacity, ownPaths } from "../src/config.ts";

const folder = mkdtempSync(join(tmpdir(), "worker-config-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

const required = {
  DATABASE_URL: "postgres://host/boocode",
  REDIS_URL: "redis://host",
  LLAMA_SWAP_URL: "http://host",
  PROJECT_ROOTS: "/projects",
};

/** The number of isolated turns that a worker with this environment uses, and its warnings. */
function load(more: Record<string, string>) {
  const env = { ...required, ...more };
  const warnings: string[] = [];
  const turns = isolatedCapacity(loadConfig(Config, env), env, (message) => warnings.push(message));
  return { turns, warnings };
}

describe("the groups of files that are not withheld", () => {
  const off = (WITHHELD_GROUPS_OFF: string) =>
    loadConfig(Config, { ...required, WITHHELD_GROUPS_OFF }).WITHHELD_GROUPS_OFF;

  it("are none by default, and those that the setting lists", () => {
    expect(off("")).toEqual([]);
    expect(off(" env, terraform,")).toEqual(["env", "terraform"]);
  });

  it("are refused, with a list of all groups, when one has another name", () => {
    expect(() => off("env,keyz")).toThrow(
      /WITHHELD_GROUPS_OFF.*: must be some of env, ssh, .*, system, separated by commas/,
    );
  });

  it("are all listed in the documentation", () => {
    const documented = readFileSync(join(import.meta.dirname, "../../../docs/operations.md"), "utf8");
    for (const name of GROUP_NAMES) expect(documented).toContain(`\`${name}\``);
  });
});

describe("the paths that no tool opens", () => {
  it("are the data folder and every file that the environment names", () => {
    const key = file("key", "k-of-the-test\n");
    const header = file("header", "h-of-the-test\n");
    const servers = [{ name: "a", url: "http://a", api_key_file: key, headers: { "x-a": { file: header } } }];
    const env = {
      ...required,
      DATABASE_URL: "postgres://host/boocode?sslmode=verify-full&sslrootcert=/tls/ca&sslcert=/tls/cert&sslkey=/tls/key",
      DATA_DIR: "/data/",
      MODEL_SERVERS_FILE: file("servers", JSON.stringify(servers)),
      REDIS_TLS_KEY: "/tls/redis",
      REDIS_TLS_CA: "-----BEGIN CERTIFICATE-----",
      POSTGRES_PASSWORD_FILE: " relative ",
      WORKER_ID: "/not/named/as/a/file",
    };
    const { REDIS_TLS_KEY: _, REDIS_TLS_CA: __, ...valid } = env;
    const { folders, files } = ownPaths(loadConfig(Config, valid), env);
    expect(folders).toEqual(["/data"]);
    const named = ["/tls/ca", "/tls/cert", "/tls/key", "/tls/redis", key, header, join(process.cwd(), "relative")];
    expect(files.toSorted()).toEqual([...named, env.MODEL_SERVERS_FILE].sort());
  });

  it("are none by default", () => {
    expect(ownPaths(loadConfig(Config, required), required).folders).toEqual([]);
  });
});

describe("the number of isolated turns", () => {
  it("is 8 when neither name is set", () => {
    expect(load({})).toEqual({ turns: 8, warnings: [] });
    expect(load({ ISOLATED_TURNS: "", LONE_TURNS: "" })).toEqual({ turns: 8, warnings: [] });
  });

  it("is read from ISOLATED_TURNS", () => {
    expect(load({ ISOLATED_TURNS: "3" })).toEqual({ turns: 3, warnings: [] });
  });

  it("is read from the old name LONE_TURNS", () => {
    expect(load({ LONE_TURNS: "2" })).toEqual({ turns: 2, warnings: [] });
  });

  it.each(["3", "8", "2"])("is ISOLATED_TURNS=%s with one warning when LONE_TURNS is set too", (value) => {
    const { turns, warnings } = load({ ISOLATED_TURNS: value, LONE_TURNS: "2" });
    expect(turns).toBe(Number(value));
    expect(warnings).toEqual([expect.stringMatching(/LONE_TURNS is ignored, because ISOLATED_TURNS is set/)]);
  });

  it("may be read from a file under either name", () => {
    const ISOLATED_TURNS_FILE = file("isolated", "4\n");
    const LONE_TURNS_FILE = file("lone", "5\n");
    expect(load({ ISOLATED_TURNS_FILE })).toEqual({ turns: 4, warnings: [] });
    expect(load({ LONE_TURNS_FILE })).toEqual({ turns: 5, warnings: [] });
    expect(load({ ISOLATED_TURNS_FILE, LONE_TURNS_FILE })).toMatchObject({ turns: 4, warnings: [expect.any(String)] });
  });

  it.each(["ISOLATED_TURNS", "LONE_TURNS"])("is refused under the name %s when it is not a whole number", (name) => {
    for (const value of ["0", "-1", "1.5", "many"])
      expect(() => load({ [name]: value })).toThrow(
        new RegExp(`^[^\\n]*\\n  ${name}: must be a whole number, 1 or more$`),
      );
  });
});
