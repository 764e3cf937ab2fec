/** What git's index says about the files in a working tree. Paths are relative to the top of the working tree. */
export interface GitIndex {
  /** Tracked regular files. Skip-worktree ones, which may exist nevertheless, come last, and only if they are few. */
  files: string[];
  /** Submodules: directories that are repositories of their own. */
  submodules: string[];
  /** The hash in the name of the shared index that this one extends (`core.splitIndex`). */
  shared: { hash: string; deleted: ReadonlySet<number> } | null;
}

/** The index has a version or an extension that this parser does not know, or is truncated. */
export class UnreadableIndex extends Error {
  override name = "UnreadableIndex";
}

const REGULAR = 0b1000;
const GITLINK = 0b1110;
const EXTENDED = 0x4000;
const SKIP_WORKTREE = 0x4000;
/** Size of the fixed fields before the hash: times, device, inode, mode, user, group, size. */
const STAT_BYTES = 40;
const MODE_OFFSET = 24;
/** Above the number of entries in the largest index that is read. */
const MAX_BITS = 1_000_000;
/** Users mark a few files as skip-worktree by hand. A sparse checkout marks many, but git unmarks those that exist. */
const MAX_SKIPPED = 1000;

/**
 * Parses an index of version 2, 3 or 4. https://git-scm.com/docs/index-format
 * @param hashBytes 20 for SHA-1, 32 for SHA-256
 * @param budget the bytes that the names may have; what they have is taken from it
 * @param deleted positions of entries to skip
 * @throws UnreadableIndex
 */
export function parseGitIndex(
  bytes: Buffer,
  hashBytes: 20 | 32,
  budget: { names: number },
  deleted: ReadonlySet<number> = new Set(),
): GitIndex {
  try {
    return parse(bytes, hashBytes, budget, deleted);
  } catch (cause) {
    if (cause instanceof RangeError) throw new UnreadableIndex("the index ends too early", { cause });
    throw cause;
  }
}

function parse(bytes: Buffer, hashBytes: number, budget: { names: number }, deleted: ReadonlySet<number>): GitIndex {
  const version = bytes.readUInt32BE(4);
  if (bytes.toString("latin1", 0, 4) !== "DIRC" || version < 2 || version > 4)
    throw new UnreadableIndex("not an index of version 2 to 4");
  const index: GitIndex = { files: [], submodules: [], shared: null };
  const count = bytes.readUInt32BE(8);
  let at = 12;
  let name: Buffer = Buffer.alloc(0);
  const skippedFiles: string[] = [];
  for (let entry = 0; entry < count; entry++) {
    const type = bytes.readUInt32BE(at + MODE_OFFSET) >>> 12;
    const flagsAt = at + STAT_BYTES + hashBytes;
    const extended = (bytes.readUInt16BE(flagsAt) & EXTENDED) !== 0;
    const skipped = extended && (bytes.readUInt16BE(flagsAt + 2) & SKIP_WORKTREE) !== 0;
    let nameAt = flagsAt + (extended ? 4 : 2);
    let kept = 0;
    if (version === 4) {
      const stripped = readVarint(bytes, nameAt);
      nameAt = stripped.end;
      kept = name.length - stripped.value;
    }
    const end = bytes.indexOf(0, nameAt);
    if (end === -1 || kept < 0) throw new UnreadableIndex("an entry is not terminated");
    const own = bytes.subarray(nameAt, end);
    name = kept > 0 ? Buffer.concat([name.subarray(0, kept), own]) : own;
    budget.names -= name.length;
    if (budget.names < 0) throw new UnreadableIndex("its names are too long");
    // Before version 4, one to eight NUL bytes pad an entry to a multiple of eight bytes.
    at = version === 4 ? end + 1 : at + ((end - at + 8) & ~7);
    // An entry without a name only modifies an entry of the shared index.
    if (name.length === 0 || deleted.has(entry)) continue;
    const path = name.toString("utf8");
    if (!isInside(path)) continue;
    if (type === REGULAR) (skipped ? skippedFiles : index.files).push(path);
    else if (type === GITLINK && !skipped) index.submodules.push(path);
  }
  if (skippedFiles.length <= MAX_SKIPPED) index.files.push(...skippedFiles);
  readExtensions(bytes, at, hashBytes, index);
  return index;
}

/** Whether a name stays below the repository's top. git writes no others, but anyone can forge an index. */
function isInside(path: string): boolean {
  return !/(^|\/)(\.{0,2}|\.git)(\/|$)/i.test(path);
}

/** git's variable-length integer, as in packs: each further byte also adds one. */
function readVarint(bytes: Buffer, start: number): { value: number; end: number } {
  let at = start;
  let byte = bytes.readUInt8(at++);
  let value = byte & 0x7f;
  while ((byte & 0x80) !== 0) {
    byte = bytes.readUInt8(at++);
    value = (value + 1) * 128 + (byte & 0x7f);
    if (value > bytes.length) throw new UnreadableIndex("a name is too long");
  }
  return { value, end: at };
}

/** Reads the link to a shared index. An unknown extension with a lower-case name is mandatory, so it makes the index unreadable. */
function readExtensions(bytes: Buffer, start: number, hashBytes: number, index: GitIndex): void {
  for (let at = start; at + 8 <= bytes.length - hashBytes; ) {
    const name = bytes.toString("latin1", at, at + 4);
    const size = bytes.readUInt32BE(at + 4);
    const data = bytes.subarray(at + 8, at + 8 + size);
    // `sdir` marks a sparse index: entries of directories that are not checked out are trees, which are skipped as well.
    if (name === "link") {
      const hash = data.toString("hex", 0, hashBytes);
      const deleted = data.length > hashBytes ? readBitmap(data.subarray(hashBytes)) : new Set<number>();
      if (!/^0*$/.test(hash)) index.shared = { hash, deleted };
    } else if (/^[a-z]/.test(name) && name !== "sdir") {
      throw new UnreadableIndex("it has an unknown extension");
    }
    at += 8 + size;
  }
}

/** Decodes a bitmap in EWAH compression: runs of equal words, each followed by literal words. */
function readBitmap(bytes: Buffer): Set<number> {
  const bits = bytes.readUInt32BE(0);
  const words = bytes.readUInt32BE(4);
  if (bits > MAX_BITS) throw new UnreadableIndex("a bitmap is too long");
  const set = new Set<number>();
  let position = 0;
  for (let word = 0; word < words; ) {
    const run = bytes.readBigUInt64BE(8 + 8 * word++);
    const length = 64 * Number((run >> 1n) & 0xffffffffn);
    if ((run & 1n) === 1n) for (let bit = 0; bit < length && position + bit < bits; bit++) set.add(position + bit);
    position += length;
    for (let literals = Number(run >> 33n); literals > 0; literals--, position += 64) {
      if (position > bits) throw new UnreadableIndex("a bitmap exceeds its stated length");
      const literal = bytes.readBigUInt64BE(8 + 8 * word++);
      for (let bit = 0; bit < 64; bit++) if ((literal >> BigInt(bit)) & 1n) set.add(position + bit);
    }
  }
  return set;
}
