import type { UserFrame } from "@boocode/contracts";
import type { Envelope } from "@boocode/frame-log";
import type { Outlet } from "./outlet.ts";

/** One subscriber of a user's lists; `version` is null until it was told where it stands. */
export interface UserViewer {
  readonly outlet: Outlet;
  readonly cursor: number | null;
  version: number | null;
}

/** A user's sockets in this gateway. The frames are hints: a hole in their versions means that the lists are loaded again. */
export interface UserTopic {
  readonly viewers: ReadonlySet<UserViewer>;
  /** It belongs to the topic at once, and is told nothing before it is welcome. */
  add(viewer: UserViewer): void;
  /** @param version of the user's lists, read after the channel was subscribed */
  welcome(viewer: UserViewer, version: number): void;
  remove(viewer: UserViewer): void;
  receive(envelope: Envelope): void;
  check(version: number): void;
}

export function createUserTopic(maxUnsentBytes: number): UserTopic {
  const viewers = new Set<UserViewer>();
  let lastCheck: number | null = null;

  function send(viewer: UserViewer, json: string | Buffer, version: number): void {
    if (viewer.outlet.unsent() > maxUnsentBytes) {
      viewer.outlet.terminate();
      return;
    }
    viewer.outlet.send(json, String(version));
    viewer.version = Math.max(viewer.version ?? 0, version);
  }

  const tell = (viewer: UserViewer, type: "subscribed" | "snapshot", version: number) =>
    send(viewer, JSON.stringify({ type, version } satisfies UserFrame), version);

  return {
    viewers,
    add: (viewer) => void viewers.add(viewer),
    welcome(viewer, version) {
      if (!viewers.has(viewer)) return;
      tell(viewer, "subscribed", version);
      if (viewer.cursor !== null && viewer.cursor !== version) tell(viewer, "snapshot", version);
    },
    remove: (viewer) => void viewers.delete(viewer),
    receive(envelope) {
      if (envelope.kind !== "structure") return;
      const bytes = Buffer.from(envelope.json);
      // Two processes may publish in another order than they committed: each frame states a thing by itself.
      for (const viewer of viewers) if (viewer.version !== null) send(viewer, bytes, envelope.version);
    },
    check(version) {
      for (const viewer of viewers) {
        if (viewer.version === null || lastCheck === null) continue;
        if (viewer.version < lastCheck) tell(viewer, "snapshot", version);
      }
      lastCheck = version;
    },
  };
}
