import { chmod, mkdir, mkdtemp, realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canEnter, type SystemUser } from "../process/system-user.ts";
import { publicFolder } from "./public-folder.ts";

/**
 * The folder for a server's data, log and state: `dataDir` itself when the data is kept, a new folder in `dataDir`
 * (default: the system's temporary folder) when it is not. When `user` cannot enter it, a folder under /var/tmp instead.
 */
export async function openHome(options: {
  dataDir?: string | undefined;
  keep: boolean;
  user?: SystemUser | undefined;
}): Promise<string> {
  const wanted = options.dataDir ?? tmpdir();
  await mkdir(wanted, { recursive: true });
  const reachable = canEnter(wanted, options.user);
  if (options.keep) return reachable ? wanted : publicFolder(await realpath(wanted));
  const home = await mkdtemp(join(reachable ? wanted : "/var/tmp", "boocode-server-"));
  if (options.user) await chmod(home, 0o711);
  return home;
}
