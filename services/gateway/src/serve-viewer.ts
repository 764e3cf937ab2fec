import { judge, type SessionFrame } from "@boocode/contracts";
import type { Envelope } from "@boocode/frame-log";
import { idOf, planJoin } from "./plan-join.ts";
import type { TopicState } from "./topic-reader.ts";
import type { Viewer } from "./viewer.ts";

export interface TopicLimits {
  behindBytes: number;
  caughtUpBytes: number;
  maxUnsentBytes: number;
  behindTimeoutMs: number;
}

/** What one subscriber of a session is sent, and where it then stands. Whom to serve, and when, is the topic's business. */
export interface ViewerService {
  /** Passes on what was published, if it is the very next. @returns false when the viewer must join again */
  deliver(viewer: Viewer, envelope: Envelope, bytes: Buffer): boolean;
  /** Brings a viewer that joins to what is known; from then on it is live. */
  catchUp(viewer: Viewer, state: TopicState): void;
  /** Structural frames were missed: nothing of a turn is news, the version says that the session has changed. */
  tellVersion(viewer: Viewer, version: number): void;
  /** Looks after a viewer that has not read what it was sent. @returns false when it has now, and must join again */
  tend(viewer: Viewer, now: number): boolean;
}

export function createViewerService(sessionId: string, limits: TopicLimits): ViewerService {
  /** Sends, unless the viewer has not read what it got: then it falls behind. */
  function send(viewer: Viewer, json: string | Buffer, id: string | null): boolean {
    const unsent = viewer.outlet.unsent();
    if (unsent > limits.maxUnsentBytes) viewer.outlet.terminate();
    else if (unsent > limits.behindBytes) {
      if (viewer.mode !== "behind") viewer.behindSince = performance.now();
      viewer.mode = "behind";
    } else {
      viewer.outlet.send(json, id);
      return true;
    }
    return false;
  }

  function tellVersion(viewer: Viewer, version: number): void {
    if (!viewer.cursor) return;
    const cursor = idOf(viewer.cursor);
    const frame: SessionFrame = { type: "snapshot", session_id: sessionId, version, cursor, turn: null, messages: [] };
    if (send(viewer, JSON.stringify(frame), null)) viewer.version = version;
  }

  return {
    tellVersion,
    deliver(viewer, envelope, bytes) {
      if (envelope.kind === "structure") {
        if (viewer.version === null || envelope.version <= viewer.version) return true;
        if (send(viewer, bytes, null)) viewer.version = envelope.version;
        return true;
      }
      if (!viewer.cursor) return true;
      const verdict = judge(viewer.cursor, envelope.position);
      if (verdict === "next" && send(viewer, bytes, idOf(envelope.position))) viewer.cursor = envelope.position;
      return verdict !== "misfit";
    },
    catchUp(viewer, { turns, version }) {
      const plan = planJoin(viewer.cursor, turns);
      viewer.mode = "live";
      if (viewer.version === null) {
        const cursor = idOf(plan.from);
        const subscribed: SessionFrame = { type: "subscribed", session_id: sessionId, version, cursor };
        viewer.outlet.send(JSON.stringify(subscribed), cursor);
        viewer.version = version;
        viewer.cursor = plan.from;
      }
      for (const frame of plan.frames) {
        if (!send(viewer, frame.json, idOf(frame.position))) return;
        viewer.cursor = frame.position;
      }
      viewer.cursor = plan.cursor;
      if (version > viewer.version) tellVersion(viewer, version);
    },
    tend(viewer, now) {
      if (viewer.mode !== "behind") return true;
      if (viewer.outlet.unsent() > limits.maxUnsentBytes) viewer.outlet.terminate();
      else if (viewer.outlet.unsent() <= limits.caughtUpBytes) return false;
      else if (now - viewer.behindSince > limits.behindTimeoutMs) viewer.outlet.close("too_slow");
      return true;
    },
  };
}
