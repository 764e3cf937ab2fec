import { randomBytes } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { RedisBinary } from "./redis-binary.ts";

/** Options that make a private Redis more than a plain server. */
export interface RedisRole {
  /** Further lines of its configuration, which may use its port. */
  config?: ((port: number) => string[]) | undefined;
  /** Default: a random one. */
  password?: string | undefined;
  /** Runs a Sentinel. */
  sentinel?: boolean | undefined;
}

/** One private Redis: its files, and what is needed to run and to reach it. */
export interface RedisInstance {
  binary: RedisBinary;
  appendOnly: boolean;
  role: RedisRole;
  dataFolder: string;
  logFile: string;
  stateFile: string;
  password: string;
  /** Port and pid of the last start. We keep the pid ourselves, because Redis writes its pid file only once it answers. */
  port: number | undefined;
  pid: number | undefined;
}

/** Opens the data folder of this product and major version in `home`; creates it if it is missing. */
export async function openRedisInstance(options: {
  binary: RedisBinary;
  appendOnly: boolean;
  role: RedisRole;
  home: string;
}): Promise<RedisInstance> {
  const { product, version } = options.binary;
  const name = join(options.home, `${product}-${Number.parseInt(version, 10)}`);
  const fresh = { password: options.role.password ?? randomBytes(24).toString("hex"), port: undefined, pid: undefined };
  const state = await readFile(`${name}.json`, "utf8").then(
    (text) => JSON.parse(text) as Partial<typeof fresh>,
    () => ({}),
  );
  await mkdir(name, { recursive: true, mode: 0o700 });
  return { ...options, dataFolder: name, logFile: `${name}.log`, stateFile: `${name}.json`, ...fresh, ...state };
}
