import { compareEpochs, type Epoch, isTerminal, type Position, sameEpoch } from "@boocode/contracts";
import type { Envelope, LoggedFrame } from "@boocode/frame-log";
import type { SessionPosition, TurnSnapshot } from "@boocode/store";
import { framesAfter, type KnownTurn } from "./plan-join.ts";
import { shortenOutputs, snapshotFrame } from "./snapshot-frame.ts";

/** The reads of a topic. If one throws, the catch-up is tried again. */
export interface TopicReads {
  /** @returns null when the session does not exist */
  turnsFrom(sessionId: string, ordinal: number): Promise<SessionTurns | null>;
  /**
   * The logged frames of an epoch from `fromSeq` on; none when the log cannot be read, when drafts from Postgres are served
   * instead.
   */
  log(sessionId: string, epoch: Epoch, fromSeq: number): Promise<LoggedFrame[]>;
}

interface SessionTurns {
  version: number;
  turns: TurnSnapshot[];
}

/** What is known of a session's turns when subscribers join. */
export interface TopicState {
  version: number;
  /** Those from the oldest cursor's turn on, oldest first; the newest turn is always among them. */
  turns: KnownTurn[];
}

export interface TopicReader {
  /** @returns null when the session does not exist */
  read(cursors: readonly (Position | null)[]): Promise<TopicState | null>;
  /** A frame was published: the next read must include it. */
  onPublished(envelope: Envelope): void;
  /**
   * The position check read this position from Postgres: the next read must reach it. A cached read of an older version is
   * dropped, because it may contain messages that were deleted since then.
   */
  onChecked(position: SessionPosition): void;
  /** Frames were missed: the next read goes to Postgres. */
  invalidate(): void;
  /** Drops the cached read once its TTL is over, because a watched session may be silent for days. */
  sweep(now: number): void;
}

interface CachedRead {
  fromOrdinal: number;
  readAt: number;
  session: SessionTurns;
}

/** Cache TTL: long enough for the many clients that reconnect after a gateway stopped. */
const CACHE_TTL_MS = 10_000;
/** The largest ordinal: Postgres stores it as an integer. */
const MAX_ORDINAL = 2_147_483_647;

/**
 * Reads the log for every catch-up, but Postgres rarely: subscribers that join within the TTL share one read of Postgres (D10),
 * as long as the log has every frame from there to the newest published one. A structural change drops the cached read.
 */
export function createTopicReader(sessionId: string, reads: TopicReads): TopicReader {
  let cached: CachedRead | null = null;
  let newest: Position | null = null;
  let invalidations = 0;

  function drop(): void {
    cached = null;
    invalidations += 1;
  }

  async function addLogs(session: SessionTurns, cursors: readonly (Position | null)[]): Promise<TopicState> {
    const turns = await Promise.all(
      session.turns.map(async (turn): Promise<KnownTurn> => {
        const seen = cursors.map((cursor) => {
          if (!cursor) return turn.lastSeq;
          return cursor.epoch.ordinal === turn.epoch.ordinal ? cursor.seq : 0;
        });
        return {
          epoch: turn.epoch,
          lastSeq: turn.lastSeq,
          ended: isTerminal(turn.turn.status),
          // The log still holds deleted text (T11); a snapshot does not.
          log: turn.hasDeletions ? [] : await reads.log(sessionId, turn.epoch, Math.min(turn.lastSeq, ...seen) + 1),
          snapshot: () => snapshotFrame(sessionId, session.version, turn),
        };
      }),
    );
    return { version: session.version, turns };
  }

  /** @returns the cached turns and their log; null when the cache is too old for these cursors or for the newest frame */
  async function readCached(fromOrdinal: number, cursors: readonly (Position | null)[]): Promise<TopicState | null> {
    if (!cached || cached.fromOrdinal > fromOrdinal || performance.now() - cached.readAt >= CACHE_TTL_MS) return null;
    const { session } = cached;
    // What is published from here on is in the catch-up's buffer.
    const goal = newest;
    const topic = await addLogs(session, cursors);
    return cached?.session === session && reaches(topic, goal) ? topic : null;
  }

  function advanceNewest(position: Position): void {
    const order = newest ? compareEpochs(position.epoch, newest.epoch) : 1;
    if (order > 0 || (order === 0 && position.seq > (newest?.seq ?? 0))) newest = position;
  }

  return {
    async read(cursors) {
      const fromOrdinal = Math.min(MAX_ORDINAL, ...cursors.map((cursor) => cursor?.epoch.ordinal ?? MAX_ORDINAL));
      const known = await readCached(fromOrdinal, cursors);
      if (known) return known;
      const before = invalidations;
      const readAt = performance.now();
      const found = await reads.turnsFrom(sessionId, fromOrdinal);
      if (!found) return null;
      const session = { version: found.version, turns: found.turns.map(shortenOutputs) };
      // A read that was invalidated while it ran is not cached.
      cached = invalidations === before ? { fromOrdinal, readAt, session } : null;
      return await addLogs(session, cursors);
    },
    onPublished(envelope) {
      switch (envelope.kind) {
        case "structure":
          return drop();
        case "turn":
          return advanceNewest(envelope.position);
        default:
          envelope satisfies never;
      }
    },
    onChecked({ version, turn }) {
      if (cached && cached.session.version < version) cached = null;
      if (turn) advanceNewest({ epoch: turn, seq: turn.last_seq });
    },
    invalidate() {
      newest = null;
      drop();
    },
    sweep(now) {
      if (cached && now - cached.readAt >= CACHE_TTL_MS) cached = null;
    },
  };
}

/** Whether the turns, with the frames in their logs, reach `goal`, the newest position that is known. */
function reaches({ turns }: TopicState, goal: Position | null): boolean {
  if (!goal) return true;
  const last = turns.at(-1);
  if (!last) return false;
  if (!sameEpoch(last.epoch, goal.epoch)) return compareEpochs(last.epoch, goal.epoch) > 0;
  const start = { epoch: last.epoch, seq: last.lastSeq };
  return (framesAfter(start, last.log).at(-1)?.position ?? start).seq >= goal.seq;
}
