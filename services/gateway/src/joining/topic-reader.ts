import { compareEpochs, type Epoch, isTerminal, type Position, sameEpoch } from "@boocode/contracts";
import type { Envelope, LoggedFrame } from "@boocode/frame-log";
import type { SessionPosition, TurnSnapshot } from "@boocode/store";
import { following, type KnownTurn } from "./plan-join.ts";
import { shortenOutputs, snapshotFrame } from "./snapshot-frame.ts";

/** Reads that a topic makes; each may throw, and is then made again. */
export interface TopicReads {
  /** @returns null when the session is gone */
  turnsFrom(sessionId: string, ordinal: number): Promise<{ version: number; turns: TurnSnapshot[] } | null>;
  /** Frames of an epoch from a number on. A log that cannot be read counts as empty: Postgres has the text. */
  log(sessionId: string, epoch: Epoch, fromSeq: number): Promise<LoggedFrame[]>;
}

/** What is known of a session's turns when subscribers join. */
export interface TopicState {
  version: number;
  /** From the oldest cursor's turn on, and always the newest; oldest first. */
  turns: KnownTurn[];
}

export interface TopicReader {
  /** @returns null when the session is gone */
  read(cursors: readonly (Position | null)[]): Promise<TopicState | null>;
  /** Something was published: what was read before may have to be read again. */
  saw(envelope: Envelope): void;
  /**
   * Where Postgres stands by the position check. A join leads at least to there, and what was read of an older version, which
   * may hold what was deleted since, is not used again.
   */
  checked(position: SessionPosition): void;
  /** Frames were missed: the next read goes to Postgres. */
  forget(): void;
  /** Lets go of what was read so long ago that nobody will be given it: a watched session may be silent for days. */
  sweep(now: number): void;
}

interface Kept {
  from: number;
  readAt: number;
  state: { version: number; turns: TurnSnapshot[] };
}

/** Long enough for the many who come back after a gateway has gone, short enough to be of no interest otherwise. */
const KEEP_MS = 10_000;
/** Turns are counted in a Postgres integer. */
const NEWEST = 2_147_483_647;

/**
 * Reads Postgres seldom and the log always: many who join one session within a short time share one read (D10), as long as
 * the log leads from it to the newest frame that was published. Any change of the session's structure ends that.
 */
export function createTopicReader(sessionId: string, reads: TopicReads): TopicReader {
  let kept: Kept | null = null;
  let newest: Position | null = null;
  let forgotten = 0;

  async function addLogs(state: Kept["state"], cursors: readonly (Position | null)[]): Promise<TopicState> {
    const turns = await Promise.all(
      state.turns.map(async (turn): Promise<KnownTurn> => {
        const places = cursors.map((cursor) => {
          if (!cursor) return turn.lastSeq;
          return cursor.epoch.ordinal === turn.epoch.ordinal ? cursor.seq : 0;
        });
        return {
          epoch: turn.epoch,
          lastSeq: turn.lastSeq,
          ended: isTerminal(turn.turn.status),
          // The log still tells what was deleted; a snapshot does not.
          log: turn.hasDeletions ? [] : await reads.log(sessionId, turn.epoch, Math.min(turn.lastSeq, ...places) + 1),
          snapshot: () => snapshotFrame(sessionId, state.version, turn),
        };
      }),
    );
    return { version: state.version, turns };
  }

  function heardOf(position: Position): void {
    const order = newest ? compareEpochs(position.epoch, newest.epoch) : 1;
    if (order > 0 || (order === 0 && position.seq > (newest?.seq ?? 0))) newest = position;
  }

  return {
    async read(cursors) {
      const from = Math.min(NEWEST, ...cursors.map((cursor) => cursor?.epoch.ordinal ?? NEWEST));
      if (kept && kept.from <= from && performance.now() - kept.readAt < KEEP_MS) {
        const { state } = kept;
        // What comes in during the read is the buffer's business.
        const goal = newest;
        const known = await addLogs(state, cursors);
        if (kept?.state === state && reaches(known, goal)) return known;
      }
      const before = forgotten;
      const readAt = performance.now();
      const whole = await reads.turnsFrom(sessionId, from);
      if (!whole) return null;
      const state = { version: whole.version, turns: whole.turns.map(shortenOutputs) };
      // What changed while this was read is not in it.
      kept = forgotten === before ? { from, readAt, state } : null;
      return await addLogs(state, cursors);
    },
    saw(envelope) {
      switch (envelope.kind) {
        case "structure":
          kept = null;
          forgotten += 1;
          return;
        case "turn":
          return heardOf(envelope.position);
        default:
          envelope satisfies never;
      }
    },
    checked({ version, turn }) {
      if (kept && kept.state.version < version) kept = null;
      if (turn) heardOf({ epoch: turn, seq: turn.last_seq });
    },
    forget() {
      kept = null;
      newest = null;
      forgotten += 1;
    },
    sweep(now) {
      if (kept && now - kept.readAt >= KEEP_MS) kept = null;
    },
  };
}

/** Whether the log leads from what was read to a place that was heard of. */
function reaches({ turns }: TopicState, goal: Position | null): boolean {
  if (!goal) return true;
  const last = turns.at(-1);
  if (!last) return false;
  if (!sameEpoch(last.epoch, goal.epoch)) return compareEpochs(last.epoch, goal.epoch) > 0;
  const start = { epoch: last.epoch, seq: last.lastSeq };
  return (following(start, last.log).at(-1)?.position ?? start).seq >= goal.seq;
}
