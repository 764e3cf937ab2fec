// PURE

/** A set of paths that is limited in number and in bytes: a path can have 4,096 of them. */
export interface PathSet {
  readonly paths: Set<string>;
  /** @returns false when there is no room */
  tryAdd(path: string): boolean;
}

export function createPathSet(limits: { paths: number; bytes: number }): PathSet {
  const paths = new Set<string>();
  let room = limits.bytes;
  return {
    paths,
    tryAdd(path) {
      if (paths.size === limits.paths || path.length > room) return false;
      room -= path.length;
      paths.add(path);
      return true;
    },
  };
}
