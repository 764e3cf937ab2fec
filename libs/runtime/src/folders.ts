// PURE

/**
 * Whether a real path is a folder or lies below it, compared by component: `/srv/al` does not contain `/srv/alice`. Names are
 * compared exactly, also on file systems that ignore case or Unicode forms: there a path in another form is refused.
 */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

export const isWithinAny = (path: string, folders: readonly string[]): boolean =>
  folders.some((folder) => isWithin(path, folder));

/** @returns folders that contain what lies both in one of `folders` and in one of `bounds` */
export function intersectFolders(folders: readonly string[], bounds: readonly string[]): string[] {
  const shared = folders.flatMap((folder) =>
    bounds.flatMap((bound) => (isWithin(folder, bound) ? [folder] : isWithin(bound, folder) ? [bound] : [])),
  );
  return [...new Set(shared)];
}
