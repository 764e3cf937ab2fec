import { posix } from "node:path";
import { quickFiles } from "./quick-files.ts";

/** Limit of symlinks that are followed, as in Linux. */
const MAX_LINKS = 40;

/**
 * Whether a path that cannot be opened leads out of the root through a symlink. Nothing outside the root is looked up, so that
 * the answer does not depend on what exists there.
 * @param relative relative to the root
 * @param roots the absolute paths of the root, its real path first
 */
export async function leadsOut(relative: string, roots: readonly string[]): Promise<boolean> {
  const [real = "/"] = roots;
  const rest = relative.split("/");
  let at: string[] = [];
  for (let links = 0; rest.length > 0; ) {
    const name = rest.shift() as string;
    if (name === "" || name === ".") continue;
    if (name === "..") {
      if (at.pop() === undefined) return true;
      continue;
    }
    const link = await quickFiles.readlink(posix.join(real, ...at, name)).catch(() => null);
    if (link === null) {
      at.push(name);
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) return false;
    if (posix.isAbsolute(link)) {
      const inside = roots.map((root) => posix.relative(root, link)).find((path) => !/^\.\.(\/|$)/.test(path));
      if (inside === undefined) return true;
      at = [];
      rest.unshift(...inside.split("/"));
    } else rest.unshift(...link.split("/"));
  }
  return false;
}
