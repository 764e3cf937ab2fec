import { Config as Api } from "../../services/api/src/config.ts";
import { Config as Gateway } from "../../services/gateway/src/config.ts";
import { Config as Worker } from "../../services/worker/src/config.ts";

const schemas = { api: Api, worker: Worker, gateway: Gateway };

export type Service = keyof typeof schemas;
export const SERVICES = Object.keys(schemas) as Service[];

/** Variables that only tests use; they are not documented. */
const FOR_TESTS = new Set(["FAULT_POINTS"]);
const required = {
  DATABASE_URL: "postgres://host/boocode",
  REDIS_URL: "redis://host",
  LLAMA_SWAP_URL: "http://host",
  PROJECT_ROOTS: "/projects",
};

/** A service's variables with their defaults, as strings; "" for a variable without a default. */
export function defaultsOf(service: Service): Record<string, string> {
  const schema = schemas[service];
  const values: Record<string, unknown> = schema.parse(required);
  const names = Object.keys(schema.shape).filter((name) => !FOR_TESTS.has(name));
  // The worker's id has no fixed default: it is made from the host and the process.
  const without = new Set([...Object.keys(required), "WORKER_ID"]);
  return Object.fromEntries(names.map((name) => [name, without.has(name) ? "" : String(values[name] ?? "")]));
}
