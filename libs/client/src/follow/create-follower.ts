import { BooCodeError } from "../boo-code-error.ts";
import type { BooCodeClient } from "../create-client.ts";
import type { Verdict } from "../fold/apply-frame.ts";
import type { Connection } from "../fold/session-view.ts";
import { createReloader } from "./reloader.ts";
import { stayConnected } from "./stay-connected.ts";
import { createWatched } from "./watched.ts";

/**
 * The states of a follower:
 *
 *   loading ──loaded──► connecting ──`subscribed` arrives──► live
 *                        │      ▲                             │
 *           socket fails │      │ back-off over               │ socket closes, is silent,
 *                        ▼      │                             │ or a frame is missing
 *                        waiting ◄────────────────────────────┘
 *
 *   any state ──close(), a final close code, or a final error of REST──► ended
 *
 * A follower of a user starts in `connecting`. Reloads by REST run independently of these states (see `reloader.ts`).
 */
type State =
  | { at: "loading" }
  | { at: "connecting" | "live"; reconnect(): void }
  | { at: "waiting" }
  | { at: "ended"; error: BooCodeError | null };

interface FollowedView {
  readonly connection: Connection;
  readonly error: BooCodeError | null;
  /** null until the lists have been loaded. */
  readonly version: number | null;
}

export interface FollowerDeps<View extends FollowedView, Frame extends { type: string }> {
  client: BooCodeClient;
  emptyView: View;
  /** Whether to load before the first connection. This requires that REST states the version of what it returns. */
  loadsFirst: boolean;
  /** Path and query of the next connection. */
  target(view: View): string;
  /**
   * Loads by REST.
   * @param statedVersion the version that the gateway stated last; 0 before any
   * @returns a function that merges what was loaded into the view as it is then
   */
  load(view: View, statedVersion: number, signal: AbortSignal): Promise<(view: View) => View>;
  apply(view: View, frame: Frame): { view: View; verdict: Verdict };
  onChange?: (view: View) => void;
  onFrame?: (frame: Frame, verdict: Verdict | "held") => void;
  /** Closes the follower. */
  closeSignal?: AbortSignal;
}

export interface Follower<View> {
  readonly view: View;
  /** Resolves with the first view that matches. @throws BooCodeError when the follower ends first */
  until(matches: (view: View) => boolean, signal?: AbortSignal): Promise<View>;
  change(fold: (view: View) => View): void;
  /** Aborted when the follower ends. */
  readonly ended: AbortSignal;
  /** Resolves when no socket, timer or request of the follower is left. */
  close(): Promise<void>;
}

/** Changes held during one reload; beyond this the oldest are dropped, and the gap causes another reload. */
const MAX_HELD = 500;

/** The common core of `followSession` and `followUser`: connects, applies frames, and reloads by REST after a gap. */
export function createFollower<View extends FollowedView, Frame extends { type: string }>(
  deps: FollowerDeps<View, Frame>,
): Follower<View> {
  const ending = new AbortController();
  const { signal } = ending;
  const watched = createWatched(deps.emptyView, endOf, deps.onChange);
  let state: State = { at: "loading" };
  /** The version that the gateway stated last, or that of a newer change: a load that returns an older one is repeated. */
  let stated = 0;
  let held: Frame[] = [];

  function enter(next: State): void {
    if (state.at === "ended") return;
    state = next;
    const error = next.at === "ended" ? next.error : watched.value.error;
    if (next.at === "ended") {
      ending.abort();
      deps.closeSignal?.removeEventListener("abort", leave);
    }
    watched.set({ ...watched.value, connection: next.at === "loading" ? "connecting" : next.at, error });
  }
  const end = (error: BooCodeError | null) => enter({ at: "ended", error });
  const leave = () => end(null);

  const reloader = createReloader({
    client: deps.client.internals,
    signal,
    async load() {
      const merge = await deps.load(watched.value, stated, signal);
      let view = merge(watched.value);
      const changes = held;
      held = [];
      for (const frame of changes) view = deps.apply(view, frame).view;
      watched.set(view);
      // If there is a gap among the held changes, the view remains older than the newest of them.
      return (view.version ?? 0) >= Math.max(stated, ...changes.map((frame) => versionOf(frame) ?? 0));
    },
    onFailed: end,
  });

  function receive(frame: Frame): void {
    const isStatement = frame.type === "subscribed" || frame.type === "snapshot";
    const version = versionOf(frame);
    if (reloader.isLoading() && version !== null && !isStatement) {
      held = [...held, frame].slice(-MAX_HELD);
      deps.onFrame?.(frame, "held");
      return;
    }
    if (version !== null) stated = isStatement ? version : Math.max(stated, version);
    const { view, verdict } = deps.apply(watched.value, frame);
    deps.onFrame?.(frame, verdict);
    if (frame.type === "subscribed" && state.at === "connecting") {
      state = { ...state, at: "live" };
      watched.set({ ...view, connection: "live" });
    } else watched.set(view);
    if (verdict === "rejoin" && (state.at === "connecting" || state.at === "live")) state.reconnect();
    if (verdict === "reload") void reloader.reload();
  }

  async function run(): Promise<void> {
    if (deps.loadsFirst) await reloader.reload();
    if (signal.aborted) return;
    const reason = await stayConnected({
      client: deps.client.internals,
      target: () => deps.target(watched.value),
      onFrame: (frame) => receive(frame as Frame),
      onState: enter,
      signal,
    });
    if (reason) end(reason);
  }

  deps.closeSignal?.addEventListener("abort", leave);
  const running = run();
  if (deps.closeSignal?.aborted) leave();

  return {
    get view() {
      return watched.value;
    },
    until: watched.until,
    change: (fold) => watched.set(fold(watched.value)),
    ended: signal,
    async close() {
      leave();
      await running;
      await reloader.idle();
    },
  };
}

const endOf = ({ connection, error }: FollowedView) =>
  connection === "ended" ? (error ?? new BooCodeError("closed", "the follower was closed")) : null;

/** @returns null for a frame that states no version of the structure or the lists */
function versionOf(frame: object): number | null {
  return "version" in frame && typeof frame.version === "number" ? frame.version : null;
}
