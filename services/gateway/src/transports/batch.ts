/** A frame as JSON, and the id of its event. */
export interface Outgoing {
  json: string;
  /** The cursor after it; null for none. */
  id: string | null;
}

/**
 * Frames of one channel that are relayed together, oldest first. Each is encoded once for all subscribers, and a subscriber that
 * takes several gets them in one write.
 */
export interface Batch {
  readonly frames: readonly Outgoing[];
  /** The frames `from … to - 1` as messages of a WebSocket. */
  messages(from: number, to: number): Buffer;
  /** The frames `from … to - 1` as events of an event stream. */
  events(from: number, to: number): Buffer;
}

export function createBatch(frames: readonly Outgoing[]): Batch {
  return { frames, messages: encoder(frames, toMessage), events: encoder(frames, toEvent) };
}

/** Keeps the last range, which nearly all subscribers take. */
function encoder(frames: readonly Outgoing[], encode: (frame: Outgoing) => Buffer): Batch["messages"] {
  let last = { from: 0, to: 0, bytes: Buffer.alloc(0) };
  return (from, to) => {
    if (last.from !== from || last.to !== to)
      last = { from, to, bytes: Buffer.concat(frames.slice(from, to).map((frame) => encode(frame))) };
    return last.bytes;
  };
}

/** A text message in one frame, which a server does not mask (RFC 6455, section 5.2). */
function toMessage({ json }: Outgoing): Buffer {
  const length = Buffer.byteLength(json);
  const start = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(start + length);
  frame[0] = 0x81;
  frame[1] = start === 2 ? length : start === 4 ? 126 : 127;
  if (start === 4) frame.writeUInt16BE(length, 2);
  if (start === 10) frame.writeBigUInt64BE(BigInt(length), 2);
  frame.write(json, start);
  return frame;
}

const toEvent = ({ json, id }: Outgoing) => Buffer.from(formatEvent(json, id));

/**
 * An event is one line, because JSON escapes line breaks.
 * @param id an EventSource sends it back as `Last-Event-ID`
 */
export const formatEvent = (json: string, id: string | null): string =>
  `${id === null ? "" : `id: ${id}\n`}data: ${json}\n\n`;
