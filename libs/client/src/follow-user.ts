import type { PublishedUserFrame, UserFrame } from "@boocode/contracts";
import { applyUserFrame } from "./apply-user-frame.ts";
import { BooCodeError } from "./boo-code-error.ts";
import type { BooCodeClient } from "./create-client.ts";
import { loadUser } from "./load-user.ts";
import { createReloader } from "./reloader.ts";
import { stayConnected } from "./stay-connected.ts";
import { emptyUserView, type UserView } from "./user-view.ts";
import { createWatched } from "./watched.ts";

export interface FollowUserOptions {
  onChange?: (view: UserView) => void;
  onFrame?: (frame: UserFrame) => void;
  signal?: AbortSignal;
  /** Sessions of these projects alone; of all when absent. */
  projectIds?: readonly string[];
}

export interface UserFollower {
  readonly view: UserView;
  /** Resolves with the first view that fits. @throws BooCodeError when the follower ended before */
  until(fits: (view: UserView) => boolean, signal?: AbortSignal): Promise<UserView>;
  close(): Promise<void>;
}

/** More hints than this during one load are told by another load. */
const MAX_HELD = 500;

/**
 * Follows a user's lists. REST does not say of which version its lists are, so that the socket comes first: what is loaded
 * after it said a version is of that version or newer, and the hints since then are applied to it in order.
 */
export function followUser(client: BooCodeClient, options: FollowUserOptions = {}): UserFollower {
  const ending = new AbortController();
  const { signal } = ending;
  const watched = createWatched(emptyUserView, lastWord, options.onChange);
  const patch = (change: Partial<UserView>) => watched.set({ ...watched.value, ...change });
  /** The newest version that the gateway stated: a load that begins now has at least this. */
  let told = 0;
  let held: PublishedUserFrame[] = [];

  const reloader = createReloader({
    client: client.internals,
    signal,
    async load() {
      const version = told;
      const lists = await loadUser(client, signal, options.projectIds);
      let next: UserView = { ...watched.value, ...lists, version };
      for (const frame of held) next = applyUserFrame(next, frame).view;
      held = [];
      watched.set(next);
      return (next.version ?? 0) >= told;
    },
    onFailed: end,
  });

  function receive(frame: UserFrame): void {
    options.onFrame?.(frame);
    if (frame.type === "going_away") return;
    if (frame.type === "subscribed") patch({ connection: "live" });
    if (frame.type === "subscribed" || frame.type === "snapshot") {
      const isNews = frame.version !== watched.value.version || frame.type === "snapshot";
      told = frame.version;
      if (isNews) void reloader.reload();
      return;
    }
    if (reloader.isLoading()) {
      held = [...held, frame].slice(-MAX_HELD);
      told = Math.max(told, frame.version);
      return;
    }
    const { view, verdict } = applyUserFrame(watched.value, frame);
    watched.set(view);
    told = Math.max(told, frame.version);
    if (verdict === "reload") void reloader.reload();
  }

  const socket = stayConnected({
    client: client.internals,
    target: () => `/api/ws/user${watched.value.version === null ? "" : `?cursor=${watched.value.version}`}`,
    onFrame: (frame) => receive(frame as UserFrame),
    onState: (connection) => signal.aborted || patch({ connection }),
    signal,
  });
  const running = socket.ended.then((reason) => {
    if (reason) end(reason);
  });

  function end(error: BooCodeError | null): void {
    if (signal.aborted) return;
    ending.abort();
    options.signal?.removeEventListener("abort", leave);
    patch({ connection: "ended", error });
  }
  const leave = () => end(null);
  options.signal?.addEventListener("abort", leave);
  if (options.signal?.aborted) leave();

  return {
    get view() {
      return watched.value;
    },
    until: watched.until,
    async close() {
      leave();
      await running;
      await reloader.idle();
    },
  };
}

const lastWord = ({ connection, error }: UserView) =>
  connection === "ended" ? (error ?? new BooCodeError("closed", "the follower was closed")) : null;
