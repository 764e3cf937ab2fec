import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { testDatabase } from "@boocode/backing-services/testing";
import { startService } from "@boocode/local-stack";
import { connectPostgres } from "@boocode/runtime";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";

const repository = fileURLToPath(new URL("../../..", import.meta.url));

/** Runs a service with an environment in which it cannot start. */
async function fail(service: string, env: Record<string, string>) {
  const child = spawn(process.execPath, [`dist/${service}/main.mjs`], {
    cwd: repository,
    env: { PATH: process.env.PATH, ...env },
  });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => output.push(String(bytes)));
  const [code] = await once(child, "close");
  return { code, output: output.join("") };
}

describe.each(["api", "worker", "gateway"])("%s", (service) => {
  test("reports every mistake in its environment at once, without the values, and exits with 1", async () => {
    const wrong = {
      DATABASE_URL: "mysql://hunter2@h",
      PORT: "hunter2",
      LOG_LEVEL: "hunter2",
      REDIS_PREFIX: "hunter 2",
      FAULT_POINTS: "hunter2",
    };
    const { code, output } = await fail(service, {
      ...wrong,
      ...(service === "gateway" ? {} : { PROJECT_ROOTS: "hunter2" }),
    });
    expect(code).toBe(1);
    const names = ["DATABASE_URL", "REDIS_URL", "PORT", "LOG_LEVEL", "REDIS_PREFIX", "FAULT_POINTS"];
    if (service !== "gateway") names.push("PROJECT_ROOTS", "LLAMA_SWAP_URL");
    for (const name of names) expect(output).toContain(name);
    expect(output).not.toContain("hunter");
    expect(output).not.toMatch(/\n\s+at /);
  });
});

let database: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

describe.each(["api", "worker", "gateway"])("%s with the URL of the tables' owner", (service) => {
  const env = () => ({
    ...{ DATABASE_URL: database.ownerUrl, REDIS_URL: inject("redisUrl"), REDIS_PREFIX: `owner-${service}` },
    ...{ PROJECT_ROOTS: "/tmp", LLAMA_SWAP_URL: "http://127.0.0.1:1" },
  });

  test("starts with one warning", async () => {
    const lines: string[] = [];
    const started = await startService(service, { env: env(), onLine: (line) => lines.push(line) });
    expect(await started.stop()).toBe(0);
    const warnings = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg.includes("role"));
    expect(warnings.map(({ level, msg }) => [level, msg])).toEqual([
      [40, expect.stringMatching(/role of DATABASE_URL may do more .*: it is a superuser\. .*MIGRATION_DATABASE_URL/)],
    ]);
  });

  test("does not start with REQUIRE_LEAST_PRIVILEGE=1, and says why", async () => {
    const { code, output } = await fail(service, { ...env(), REQUIRE_LEAST_PRIVILEGE: "1" });
    expect(code).toBe(1);
    expect(output).toMatch(/it is a superuser; REQUIRE_LEAST_PRIVILEGE=1 forbids it/);
  });
});

test.each([
  ["api", "/api/me"],
  ["gateway", `/api/sessions/${randomUUID()}/events`],
])("the %s serves only the pages, and believes only the proxies, that its environment names", async (service, path) => {
  const started = await startService(service, {
    env: {
      ...{ DATABASE_URL: database.url, REDIS_URL: inject("redisUrl"), REDIS_PREFIX: `edges-${service}` },
      ...{ PROJECT_ROOTS: "/tmp", LLAMA_SWAP_URL: "http://127.0.0.1:1" },
      ...{ PUBLIC_PAGES: "none", TRUSTED_PROXIES: "127.0.0.0/8" },
    },
  });
  expect((await fetch(`${started.url}/metrics`)).status).toBe(404);
  const address = `192.0.2.${service.length}`;
  const headers = { authorization: "Bearer boo_wrong", "x-forwarded-for": address };
  expect((await fetch(started.url + path, { headers })).status).toBe(401);
  // It saves what it has refused before it ends.
  expect(await started.stop()).toBe(0);
  const sql = connectPostgres(database.ownerUrl, { name: "edges", connections: 1 });
  const rows = await sql`select event from audit_events where address = ${address}`;
  await sql.end();
  expect(rows).toEqual([{ event: "refused.unauthenticated" }]);
});

describe("the api's process", () => {
  test("serves, logs no secret, and exits with 0 on SIGTERM", async () => {
    const lines: string[] = [];
    const api = await startService("api", {
      env: {
        ...{ DATABASE_URL: `${database.url}?pgbouncer=true&require_auth=md5`, REDIS_URL: inject("redisUrl") },
        ...{
          REDIS_PREFIX: "api-main-test",
          PROJECT_ROOTS: "/tmp",
          LLAMA_SWAP_URL: "http://127.0.0.1:1",
          LOG_LEVEL: "debug",
          REQUIRE_LEAST_PRIVILEGE: "1",
        },
      },
      onLine: (line) => lines.push(line),
    });
    const get = (path: string, headers = {}) => fetch(`${api.url}${path}`, { headers });
    expect((await get("/readyz")).status).toBe(200);
    expect((await get("/api/projects", { authorization: "Bearer boo_secret" })).status).toBe(401);
    expect(await (await get("/metrics")).text()).toContain("nodejs_eventloop_lag");
    expect(await api.stop()).toBe(0);
    expect(lines.filter((line) => line.includes("DATABASE_URL")).map((line) => JSON.parse(line).msg)).toEqual([
      "DATABASE_URL: these security parameters have no effect: require_auth",
      "DATABASE_URL: these parameters are ignored: pgbouncer",
    ]);
    const passwords = [database.url, inject("redisUrl")].map((url) => new URL(url).password).filter(Boolean);
    for (const secret of [...passwords, "boo_secret"]) expect(lines.join("\n")).not.toContain(secret);
  });
});
