import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "@boocode/backing-services";
import { parse } from "yaml";

export interface ComposeService {
  image: string;
  restart?: string;
  init?: boolean;
  scale?: string;
  command?: string[];
  env_file?: { path: string; required: boolean }[];
  extra_hosts?: string[];
  mem_limit?: string;
  pids_limit?: number;
  cpus?: string | number;
  ulimits?: { nofile?: number };
  build?: { target: string; args?: Record<string, string> };
  environment?: Record<string, string | null>;
  healthcheck?: { test?: string[]; interval?: string };
  depends_on?: Record<string, { condition: string }>;
  ports?: string[];
  volumes?: (string | { source: string; target: string; read_only?: boolean })[];
  stop_grace_period?: string;
  container_name?: string;
  user?: string;
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
}

export const readText = (path: string): string => readFileSync(join(repositoryRoot, path), "utf8");

export const composeServices = (): Record<string, ComposeService> =>
  parse(readText("docker-compose.yml"), { merge: true }).services;

/** A value with its variables replaced by their defaults, as compose reads it when none of them is set. */
export const withDefaults = (value: string | number): string =>
  String(value).replace(
    /(?<!\$)\$\{[A-Z_]+(?::-([^}]*))?[^}]*\}/g,
    (_, standard: string | undefined) => standard ?? "",
  );

/** The variables that docker-compose.yml interpolates from its environment, as in `${NAME:?…}`. */
export function interpolated(text: string): Set<string> {
  return new Set([...text.matchAll(/(?<!\$)\$\{([A-Z_]+)/g)].map(([, name]) => name as string));
}
