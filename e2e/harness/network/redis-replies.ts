// PURE
/**
 * The part of the Redis protocol that is needed to remove a published message from a connection and keep every other byte.
 * https://redis.io/docs/latest/develop/reference/protocol-spec/
 */

const AGGREGATES: Record<string, number> = { "*": 1, ">": 1, "~": 1, "%": 2 };

/** @returns where the reply that begins at `start` ends; null while it is incomplete */
function endOfReply(bytes: Buffer, start: number): number | null {
  const line = bytes.indexOf("\r\n", start);
  if (line < 0) return null;
  const type = String.fromCharCode(bytes[start] as number);
  const count = Number(bytes.toString("latin1", start + 1, line));
  let end = line + 2;
  if (type === "$" || type === "=") {
    if (count >= 0) end += count + 2;
    return end <= bytes.length ? end : null;
  }
  const elements = (AGGREGATES[type] ?? 0) * Math.max(0, count || 0);
  for (let i = 0; i < elements; i++) {
    const next = endOfReply(bytes, end);
    if (next === null) return null;
    end = next;
  }
  return end;
}

const isPublished = (reply: Buffer) => /^[*>]3\r\n\$7\r\nmessage\r\n/.test(reply.toString("latin1", 0, 24));

/**
 * Filters one connection's replies, dropping the published messages that `drops` selects.
 * @returns a function that takes the received bytes and returns those to forward; an incomplete reply is kept until the rest
 * arrives
 */
export function messageFilter(drops: (message: Buffer) => boolean): (chunk: Buffer) => Buffer {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    const passed: Buffer[] = [];
    let start = 0;
    for (let end = endOfReply(rest, 0); end !== null && start < rest.length; end = endOfReply(rest, start)) {
      const reply = rest.subarray(start, end);
      if (!(isPublished(reply) && drops(reply))) passed.push(reply);
      start = end;
    }
    rest = rest.subarray(start);
    return Buffer.concat(passed);
  };
}
