import { judge } from "@boocode/contracts";
import type { Envelope } from "@boocode/frame-log";
import type { SessionPosition } from "@boocode/store";
import { createViewerService, type TopicLimits } from "./serve-viewer.ts";
import { createTopicReader, type TopicReads } from "./topic-reader.ts";
import type { Viewer } from "./viewer.ts";

/** Everything about one watched session in this gateway. */
export interface SessionTopic {
  readonly viewers: ReadonlySet<Viewer>;
  add(viewer: Viewer): void;
  remove(viewer: Viewer): void;
  /** Something was published on the session's channel. */
  receive(envelope: Envelope): void;
  /** The subscription had a hole: everybody joins again. */
  hole(): void;
  /**
   * What Postgres says now; null when the session is gone.
   * @param nothingComes Redis is away: whatever Postgres has is not on its way to anybody
   */
  check(position: SessionPosition | null, nothingComes: boolean): void;
  /** Looks after sockets that have not read what they were sent, and lets go of what is no longer needed. */
  tend(now: number): void;
}

export interface SessionTopicDeps {
  sessionId: string;
  reads: TopicReads;
  limits: TopicLimits;
  /** Waits before a pass: 0 for a newcomer, a little and at random after a hole, so that not all read at once. */
  pause(ms: number): Promise<void>;
  onPassFailed(error: unknown): void;
}

/** Frames that are kept during a pass; more than that and whoever joins, joins again. */
const MAX_BUFFERED = 2_000;
/** A frame that was committed may be on its way for so long before it counts as lost. */
const ON_ITS_WAY_MS = 150;
/** Between the beginnings of two passes over one session. */
const PASS_GAP_MS = 50;

export function createSessionTopic(deps: SessionTopicDeps): SessionTopic {
  const viewers = new Set<Viewer>();
  const service = createViewerService(deps.sessionId, deps.limits);
  const reader = createTopicReader(deps.sessionId, deps.reads);
  /** What came in since the pass that is under way began to read. */
  let buffer: Envelope[] | null = null;
  let passing = false;
  let holes = 0;
  let nextPassAt = 0;
  let lastCheck: SessionPosition | null = null;

  function endAll(): void {
    for (const viewer of viewers) viewer.outlet.close("not_found");
    viewers.clear();
  }

  function deliver(viewer: Viewer, envelope: Envelope, bytes: Buffer): void {
    if (!service.deliver(viewer, envelope, bytes)) rejoin(viewer);
  }

  function rejoin(viewer: Viewer): void {
    viewer.mode = "joining";
    void passes(0);
  }

  /**
   * Serves everybody who waits to join, again and again until nobody does: one pass at a time, one read of Postgres for all of
   * them. A pass that began before somebody came would have read too early for that one, so that they wait for the next.
   */
  async function passes(pauseMs: number): Promise<void> {
    if (passing) return;
    passing = true;
    try {
      await deps.pause(pauseMs);
      while (joiners().length > 0) {
        // A hole that neither the log nor the draft fills yet would otherwise be read again at every frame.
        await deps.pause(Math.max(0, nextPassAt - performance.now()));
        nextPassAt = performance.now() + PASS_GAP_MS;
        try {
          await pass(joiners());
        } catch (error) {
          deps.onPassFailed(error);
          await deps.pause(300);
        }
      }
    } finally {
      buffer = null;
      passing = false;
    }
  }

  /** Those to whom what they lack has not come in a moment. */
  async function rejoinThoseBehind(late: Viewer[], position: SessionPosition): Promise<void> {
    if (late.length === 0) return;
    await deps.pause(ON_ITS_WAY_MS);
    for (const viewer of late) {
      if (viewers.has(viewer) && viewer.mode === "live" && isBehind(viewer, position)) rejoin(viewer);
    }
  }

  const joiners = () => [...viewers].filter((viewer) => viewer.mode === "joining");

  async function pass(joining: Viewer[]): Promise<void> {
    buffer = [];
    const holesBefore = holes;
    const state = await reader.read(joining.map((viewer) => viewer.cursor));
    if (!state) {
      endAll();
      return;
    }
    const missed = buffer;
    buffer = null;
    for (const viewer of joining) {
      if (!viewers.has(viewer) || viewer.mode !== "joining") continue;
      service.catchUp(viewer, state);
      // What was published while the connection was away is neither in what was read nor in the buffer.
      if (missed.length >= MAX_BUFFERED || holes !== holesBefore) viewer.mode = "joining";
      else for (const envelope of missed) if (isLive(viewer)) deliver(viewer, envelope, Buffer.from(envelope.json));
    }
  }

  const isLive = (viewer: Viewer) => viewer.mode === "live";

  return {
    viewers,
    add(viewer) {
      viewers.add(viewer);
      void passes(0);
    },
    remove: (viewer) => void viewers.delete(viewer),
    receive(envelope) {
      reader.saw(envelope);
      if (buffer && buffer.length < MAX_BUFFERED) buffer.push(envelope);
      const bytes = Buffer.from(envelope.json);
      for (const viewer of viewers) if (viewer.mode === "live") deliver(viewer, envelope, bytes);
    },
    hole() {
      holes += 1;
      reader.forget();
      for (const viewer of viewers) if (viewer.mode === "live") viewer.mode = "joining";
      void passes(Math.random() * 300);
    },
    check(position, nothingComes) {
      if (!position) return endAll();
      reader.checked(position);
      // A frame is committed before it is sent, so that Postgres is ahead for a moment in fair weather too: who is
      // behind what the last check saw has missed something. Who is behind an end, or still with an older attempt (whoever
      // takes a turn over may be long in speaking), need not wait for another check.
      const before = lastCheck;
      const late: Viewer[] = [];
      for (const viewer of viewers) {
        if (viewer.mode !== "live") continue;
        const hasMissed = before && isBehind(viewer, before);
        const lacks = isBehind(viewer, position);
        if (hasMissed || (nothingComes && lacks)) rejoin(viewer);
        else if (lacks && (position.turn?.ended || isTakenOver(viewer, position))) late.push(viewer);
        else if (before && viewer.version !== null && viewer.version < before.version)
          service.tellVersion(viewer, position.version);
      }
      void rejoinThoseBehind(late, position);
      lastCheck = position;
    },
    tend(now) {
      reader.tend(now);
      for (const viewer of viewers) if (!service.tend(viewer, now)) rejoin(viewer);
    },
  };
}

function isBehind(viewer: Viewer, position: SessionPosition): boolean {
  const { turn } = position;
  if (!turn || !viewer.cursor) return false;
  return judge(viewer.cursor, { epoch: turn, seq: turn.last_seq }) !== "old";
}

const isTakenOver = (viewer: Viewer, { turn }: SessionPosition) =>
  viewer.cursor?.epoch.ordinal === turn?.ordinal && (viewer.cursor?.epoch.attempt ?? 0) < (turn?.attempt ?? 0);
