import { expect, test } from "vitest";
import { mostConnections } from "../../services/worker/src/config.ts";
import { defaultsOf, SERVICES } from "./configs.ts";
import { composeServices, readText, withDefaults } from "./read-repository.ts";

const services = composeServices();
const entries = Object.entries(services);
const oneShot = ["migrate", "admin"];
/** Services, with the setting for their number of containers. */
const SCALED = { api: "APIS", worker: "WORKERS", gateway: "GATEWAYS" };
const bytes = (size: string | undefined = "0") => {
  const [, number, unit = ""] = /^(\d+)([mg])b?$/.exec(withDefaults(size)) ?? [];
  return Number(number) * 2 ** (unit === "g" ? 30 : 20);
};
const seconds = (duration = "10s") => Number.parseInt(duration, 10) * (duration.endsWith("m") ? 60 : 1);

test("every image of a service is built for that service", () => {
  for (const name of [...SERVICES, "scripted-model"]) {
    expect(services[name]?.build, name).toEqual({ context: ".", target: "service", args: { SERVICE: name } });
  }
  for (const name of oneShot) expect(services[name]?.build).toEqual({ context: ".", target: "migrate" });
  for (const [name, { build }] of entries) {
    if (build) expect(readText("Dockerfile"), name).toMatch(new RegExp(`^FROM .* AS ${build.target}$`, "m"));
  }
});

test("every image of ours can come from a registry, and is built under the same name", () => {
  for (const [name, { image, build }] of entries) {
    if (build) expect(image).toMatch(/^\$\{REGISTRY:-\}boocode-[a-z-]+:\$\{TAG:-latest\}$/);
    else expect([name, image]).toEqual([name, expect.stringMatching(/^[a-z]+:\d+(\.\d+)?(-alpine)?$/)]);
  }
});

test("every container is restarted when it ends, and `up` keeps the number of each", () => {
  for (const [name, { restart, scale }] of entries) {
    expect([name, restart]).toEqual([name, oneShot.includes(name) ? undefined : "unless-stopped"]);
    const variable = SCALED[name as keyof typeof SCALED];
    expect([name, scale]).toEqual([name, variable && `\${${variable}:-1}`]);
  }
});

test("every container has limits: memory, processes, cores, open files", () => {
  for (const [name, { mem_limit, pids_limit, cpus, ulimits }] of entries) {
    expect(bytes(mem_limit), name).toBeGreaterThanOrEqual(256 * 2 ** 20);
    expect(pids_limit, name).toBeGreaterThan(0);
    const cores = Number(withDefaults(cpus ?? 0));
    // Docker refuses a limit above the number of the machine's cores.
    expect([name, cores > 0 && cores <= 2]).toEqual([name, true]);
    expect(ulimits?.nofile, name).toBeGreaterThanOrEqual(Number(defaultsOf("gateway").MAX_CONNECTIONS) * 2);
  }
});

test("the services run under an init, so that the watchdog can end them", () => {
  for (const name of SERVICES) expect(services[name]?.init, name).toBe(true);
});

test("Redis rejects writes before its container is killed, and never evicts", () => {
  const [, maxmemory] = /^\s*maxmemory (\S+)$/m.exec(services.redis?.command?.at(-1) ?? "") ?? [];
  expect(bytes(maxmemory)).toBeGreaterThan(0);
  expect(bytes(services.redis?.mem_limit)).toBeGreaterThanOrEqual(2 * bytes(maxmemory));
  expect(readText("docker/redis.conf")).toMatch(/^maxmemory-policy noeviction$/m);
});

test("eight workers, three gateways and three APIs fit into Postgres's connections, and the sum is documented", () => {
  const connections = (name: "api" | "gateway") => Number(defaultsOf(name).DATABASE_CONNECTIONS);
  const { DATABASE_CONNECTIONS, ISOLATED_TURNS } = defaultsOf("worker");
  const ofWorker = mostConnections({
    DATABASE_CONNECTIONS: Number(DATABASE_CONNECTIONS),
    ISOLATED_TURNS: Number(ISOLATED_TURNS),
  });
  // Postgres reserves three for superusers; the migration and `admin` need one each.
  const sum = 8 * ofWorker + 3 * connections("gateway") + 3 * connections("api") + 3 + 2;
  const [, most] = /^max_connections=(\d+)$/.exec(withDefaults(services.postgres?.command?.at(-1) ?? "")) ?? [];
  expect(Number(most)).toBeGreaterThanOrEqual(sum);
  expect(services.postgres?.pids_limit).toBeGreaterThan(Number(most));
  const documented = `8 × ${ofWorker} + 3 × ${connections("gateway")} + 3 × ${connections("api")} + 5 = ${sum}`;
  expect(readText("docs/operations.md")).toContain(documented);
  expect(readText("docs/operations.md")).toContain(`${most} by default`);
});

test("keys of model servers reach the API and the workers as variables and as files, and nothing else gets them", () => {
  for (const [name, { env_file, volumes = [] }] of entries) {
    const mounts = volumes.flatMap((volume) => (typeof volume === "object" ? [volume] : []));
    const secrets = mounts.filter(({ target }) => target === "/run/secrets");
    const needsThem = ["api", "worker"].includes(name);
    expect([name, env_file]).toEqual([name, needsThem ? [{ path: "secrets.env", required: false }] : undefined]);
    expect([name, secrets.map(({ read_only }) => read_only)]).toEqual([name, needsThem ? [true] : []]);
  }
  // An optional `env_file` is what needs this version of Compose.
  for (const path of ["docker-compose.yml", "docs/operations.md"]) {
    expect(readText(path)).toMatch(/Docker Compose 2\.24\.7\b/);
  }
  // Neither is committed or copied into an image.
  for (const line of ["secrets.env", "secrets/*"]) expect(readText(".gitignore").split("\n")).toContain(line);
  expect(readText(".dockerignore")).toMatch(/^\*$/m);
  expect(readText(".dockerignore")).not.toContain("secrets");
});

test("LLAMA_SWAP_URL must be set, but may be empty, because MODEL_SERVERS may name all servers", () => {
  expect(readText("docker-compose.yml")).toMatch(/^ {2}LLAMA_SWAP_URL: \$\{LLAMA_SWAP_URL\?[^}]*MODEL_SERVERS\}$/m);
});

test("a model server on the host can be reached, and the documentation's examples leave the proxy its port", () => {
  for (const name of ["api", "worker"]) {
    expect(services[name]?.extra_hosts).toEqual(["host.docker.internal:host-gateway"]);
  }
  const [, port] = /:(\d+):8080$/.exec(withDefaults(services.proxy?.ports?.[0] ?? "")) ?? [];
  for (const path of ["README.md", "docs/models.md", "docs/operations.md", ".env.example"]) {
    for (const [url] of readText(path).matchAll(/https?:\/\/[\w.-]+:\d+/g))
      expect([path, url]).not.toEqual([path, expect.stringContaining(`:${port}`)]);
  }
});

test("every long-running container has a health check, and containers wait for what they depend on", () => {
  const [, service] = readText("Dockerfile").split("AS service\n");
  expect(service).toMatch(/^HEALTHCHECK .*CMD \["node", "health-check.mjs"\]$/m);
  for (const [name, { healthcheck, build, depends_on }] of entries) {
    if (oneShot.includes(name)) continue;
    expect(healthcheck?.test !== undefined || build?.target === "service", name).toBe(true);
    for (const [other, { condition }] of Object.entries(depends_on ?? {})) {
      expect(condition).toBe(oneShot.includes(other) ? "service_completed_successfully" : "service_healthy");
    }
  }
  for (const name of SERVICES) expect(Object.keys(services[name]?.depends_on ?? {})).toEqual(["migrate", "redis"]);
});

test.each(SERVICES)("%s gets every variable that it knows and no other", (name) => {
  const given = Object.keys(services[name]?.environment ?? {});
  // The image sets HOST and PORT, WORKER_ID differs between workers, SHUTDOWN_GRACE_MS depends on stop_grace_period, and DATA_DIR is that of `npm start`.
  const left = ["HOST", "PORT", "WORKER_ID", "SHUTDOWN_GRACE_MS", "DATA_DIR"];
  const known = Object.keys(defaultsOf(name)).filter((variable) => !left.includes(variable));
  // The key can be a file in the secrets folder, which is mounted.
  if (known.includes("LLAMA_SWAP_API_KEY")) known.push("LLAMA_SWAP_API_KEY_FILE");
  expect(given.sort()).toEqual(known.sort());
});

test.each(SERVICES)("%s is not killed before its own grace period has passed", (name) => {
  expect(seconds(services[name]?.stop_grace_period) * 1_000).toBeGreaterThan(
    Number(defaultsOf(name).SHUTDOWN_GRACE_MS),
  );
});

test("the file contains no secret", () => {
  for (const [name, { environment = {} }] of entries) {
    for (const [variable, value] of Object.entries(environment)) {
      if (/PASSWORD|AUTH|KEY|TOKEN|SECRET/.test(variable)) {
        if (value !== null) expect(value, `${name} ${variable}`).toMatch(/^\$\{.+\}$/);
      }
      if (value?.includes("://") && value.includes("@")) expect(value).toMatch(/:\/\/\w*:\$\{\w+:\?[^}]+\}@/);
    }
  }
});

test("only the migration has the login of the tables' owner, and all others that of one role", () => {
  for (const [name, { environment = {} }] of entries) {
    const [login] = /(?<=:\/\/)\w+/.exec(environment.DATABASE_URL ?? "") ?? [];
    const uses = [...SERVICES, ...oneShot].includes(name);
    expect([name, login, "MIGRATION_DATABASE_URL" in environment]).toEqual([
      ...[name, uses ? "boocode_services" : undefined, name === "migrate"],
    ]);
    // The owner's password in the services' environment would make their role useless.
    expect(environment.DATABASE_URL ?? "", name).not.toContain("{POSTGRES_PASSWORD");
  }
  expect(services.migrate?.environment?.MIGRATION_DATABASE_URL).toContain(
    `://${services.postgres?.environment?.POSTGRES_USER}:`,
  );
});

test("workers can be scaled: no container has a fixed name, and only the proxy publishes a port on the host", () => {
  for (const [name, { container_name, ports }] of entries) {
    expect(container_name, name).toBeUndefined();
    if (name !== "proxy") expect(ports, name).toBeUndefined();
  }
});

test("api and worker see the projects under the same path, and neither can write there", () => {
  for (const name of ["api", "worker"]) {
    const [mount] = services[name]?.volumes ?? [];
    expect(mount).toMatchObject({ read_only: true });
    if (typeof mount !== "object") throw new Error("the first volume is not in the long syntax");
    expect(mount.target).toBe(mount.source);
    expect(services[name]?.environment?.PROJECT_ROOTS).toBe(mount.target);
  }
});

test("no container writes to its image, has a capability, gains a privilege, or runs as root", () => {
  const [, ...stages] = readText("Dockerfile").split(/^FROM /m);
  for (const [name, { read_only, cap_drop, security_opt, user, build }] of entries) {
    expect({ read_only, cap_drop, security_opt }, name).toEqual({
      read_only: true,
      cap_drop: ["ALL"],
      security_opt: ["no-new-privileges:true"],
    });
    if (build) expect(stages.find((stage) => stage.includes(`AS ${build.target}\n`))).toContain("\nUSER node\n");
    else expect(user, name).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  }
});

test("the proxy sends to the gateway exactly the paths that the gateway serves", () => {
  const [, pattern] = /location ~ (\S+) \{/.exec(readText("docker/nginx.conf")) ?? [];
  const toGateway = new RegExp(pattern as string);
  const id = "6a1f3c1e-0000-4000-8000-000000000000";
  for (const path of [`ws/sessions/${id}`, "ws/user", `sessions/${id}/events`, "user/events"]) {
    expect(`/api/${path}`).toMatch(toGateway);
    expect(`/api/${path}/`).toMatch(toGateway);
  }
  for (const path of ["ws-tickets", "sessions", `sessions/${id}`, `sessions/${id}/messages`, "projects"]) {
    expect(`/api/${path}`).not.toMatch(toGateway);
    expect(`/api/${path}/`).not.toMatch(toGateway);
  }
});

test("the proxy forgets a container that is gone, tries the next one, and does not linger when it stops", () => {
  const conf = readText("docker/nginx.conf");
  const setting = (name: string) => new RegExp(`^\\s*${name} (.+);$`, "m").exec(conf)?.[1] ?? "";
  const ms = (time: string) => Number.parseFloat(time) * (time.endsWith("ms") ? 1 : 1_000);
  // Clients may be silent for two seconds: an old answer of the DNS server, and one time-out before the next container is tried.
  const [, valid] = /^127\.0\.0\.11 valid=(\w+) ipv6=off$/.exec(setting("resolver")) ?? [];
  expect(ms(valid ?? "")).toBeLessThanOrEqual(1_000);
  expect(ms(setting("proxy_connect_timeout"))).toBeLessThanOrEqual(1_000);
  expect(ms(setting("worker_shutdown_timeout"))).toBeLessThanOrEqual(500);
  expect(setting("proxy_next_upstream").split(" ")).toEqual(["error", "timeout", "http_503"]);
  expect(Number(setting("proxy_next_upstream_tries"))).toBeGreaterThan(1);
  expect(ms(setting("proxy_next_upstream_timeout"))).toBeLessThanOrEqual(3_000);
});
