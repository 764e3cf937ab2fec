import { expect, test } from "vitest";
import { defaultsOf, SERVICES } from "./configs.ts";
import { composeServices, readText } from "./read-repository.ts";

const services = composeServices();
const entries = Object.entries(services);
const oneShot = ["migrate", "admin"];
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
  // The image sets HOST and PORT, WORKER_ID differs between workers, and SHUTDOWN_GRACE_MS depends on stop_grace_period.
  const left = ["HOST", "PORT", "WORKER_ID", "SHUTDOWN_GRACE_MS"];
  const known = Object.keys(defaultsOf(name)).filter((variable) => !left.includes(variable));
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
