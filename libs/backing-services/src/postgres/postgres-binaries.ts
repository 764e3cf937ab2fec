import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { plainEnvironment } from "../process/spawn-server.ts";
import type { SystemUser } from "../process/system-user.ts";

const run = promisify(execFile);

/** A folder with a working `initdb` and `postgres` of the same version. */
export interface PostgresBinaries {
  folder: string;
  /** As reported by the program: "15.20", "18.4". */
  version: string;
  /** Part of the data folder's name: another major version cannot read it. */
  major: number;
}

/**
 * Runs both programs with `--version` as the user that will run them; undefined when one is missing, broken, unreachable or
 * of another version.
 */
export async function tryPostgresBinaries(
  folder: string,
  user: SystemUser | undefined,
): Promise<PostgresBinaries | undefined> {
  try {
    const [postgres, initdb] = await Promise.all([versionOf("postgres"), versionOf("initdb")]);
    return postgres === initdb && postgres
      ? { folder, version: postgres, major: Number.parseInt(postgres, 10) }
      : undefined;
  } catch {
    return undefined;
  }

  async function versionOf(program: string): Promise<string | undefined> {
    const { stdout } = await run(join(folder, program), ["--version"], {
      cwd: "/",
      env: plainEnvironment(),
      timeout: 10_000,
      ...user,
    });
    return /\(PostgreSQL\) (\d+\S*)/.exec(stdout)?.[1];
  }
}
