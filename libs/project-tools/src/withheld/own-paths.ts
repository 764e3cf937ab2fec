import { resolve } from "node:path";
import { readPostgresTarget } from "@boocode/runtime";
import type { OwnPaths } from "./own-files.ts";

/**
 * The data folder and every file that a service's environment names, for secrets and certificates alike: no tool opens them.
 * @param keyFiles those that MODEL_SERVERS names
 */
export function ownPathsOf(
  config: { DATA_DIR?: string | undefined; DATABASE_URL: string },
  env: Record<string, string | undefined>,
  keyFiles: Iterable<string>,
): OwnPaths {
  const { rootCert, cert, key, revoked } = readPostgresTarget(config.DATABASE_URL).tls;
  const named = Object.entries(env).filter(([name]) => /_FILE$|^REDIS_TLS_(CA|CERT|KEY)$/.test(name));
  const files = [...named.map(([, value]) => value?.trim()), ...keyFiles, rootCert, cert, key, revoked];
  return {
    folders: config.DATA_DIR ? [resolve(config.DATA_DIR)] : [],
    // A certificate may also be given as text.
    files: files.filter((file) => file && !file.includes("-----BEGIN ")).map((file) => resolve(file as string)),
  };
}
