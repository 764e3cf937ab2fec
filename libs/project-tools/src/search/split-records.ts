export interface SplitRecord {
  bytes: Buffer;
  /** False when the record was over the limit; `bytes` is then its beginning. */
  complete: boolean;
}

/**
 * Splits a stream of bytes at a separator byte, and yields the records of each chunk together, because an asynchronous step for each of
 * many short records costs more than to read it. A record longer than `maxBytes` is cut and its rest discarded, so that no output of a
 * child process can exhaust memory.
 */
export async function* splitRecords(
  chunks: AsyncIterable<Buffer>,
  separator: number,
  maxBytes: number,
): AsyncGenerator<SplitRecord[]> {
  let pieces: Buffer[] = [];
  let held = 0;
  let size = 0;

  const take = (piece: Buffer) => {
    size += piece.length;
    const kept = piece.subarray(0, maxBytes - held);
    if (kept.length > 0) pieces.push(kept);
    held += kept.length;
  };
  const finish = (): SplitRecord => {
    const [only = Buffer.alloc(0)] = pieces;
    const record = { bytes: pieces.length > 1 ? Buffer.concat(pieces) : only, complete: held === size };
    pieces = [];
    held = 0;
    size = 0;
    return record;
  };

  for await (const chunk of chunks) {
    const records: SplitRecord[] = [];
    let start = 0;
    for (let end = chunk.indexOf(separator); end !== -1; end = chunk.indexOf(separator, start)) {
      take(chunk.subarray(start, end));
      records.push(finish());
      start = end + 1;
    }
    take(chunk.subarray(start));
    if (records.length > 0) yield records;
  }
  if (size > 0) yield [finish()];
}
