import { findOverlaps, ownFolders } from "@boocode/identity";
import type { Postgres } from "@boocode/runtime";
import { listFolderHolders } from "@boocode/store";

/** Longer lists help nobody to decide. */
const MOST_LINES = 200;

/**
 * Describes the folders of two users of which one is, or lies in, the other, for an administrator to decide.
 * @param USER_ROOTS as the services have it
 */
export async function describeOverlaps(pool: Postgres, USER_ROOTS: string[]): Promise<string[]> {
  const holders = await Promise.all(
    (await listFolderHolders(pool)).map(async ({ name, slug, grants }) => ({
      name,
      folders: [...new Set([...grants, ...(await ownFolders({ USER_ROOTS }, slug))])],
    })),
  );
  const lines = findOverlaps(holders).map(({ inner, outer }) =>
    inner.path === outer.path
      ? `${outer.name} and ${inner.name} both have ${inner.path}`
      : `${inner.name} has ${inner.path}, which lies in ${outer.path} of ${outer.name}`,
  );
  const left = lines.length - MOST_LINES;
  return left > 0 ? [...lines.slice(0, MOST_LINES), `… and ${left} more`] : lines;
}
