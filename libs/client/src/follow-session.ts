import type { SessionFrame } from "@boocode/contracts";
import { applyFrame, type Verdict } from "./apply-frame.ts";
import { BooCodeError } from "./boo-code-error.ts";
import type { BooCodeClient } from "./create-client.ts";
import { loadSession } from "./load-session.ts";
import { findWhole, withWhole } from "./load-whole.ts";
import { mergeLoaded } from "./merge-loaded.ts";
import { addMessages, toViewMessage } from "./order-messages.ts";
import { createReloader } from "./reloader.ts";
import { emptyView, type SessionView, type ViewMessage } from "./session-view.ts";
import { stayConnected } from "./stay-connected.ts";
import { createWatched } from "./watched.ts";

export interface FollowSessionOptions {
  /** Told of every new view, at once and in order. */
  onChange?: (view: SessionView) => void;
  /** Told of every frame and what became of it, before `onChange`; for recordings. */
  onFrame?: (frame: SessionFrame, verdict: Verdict | "held") => void;
  /** Closes the follower. */
  signal?: AbortSignal;
  /** Which messages are loaded at first: the newest page (the default) or all. */
  pages?: "newest" | "all";
  /** Messages in a page; 500 when absent. */
  pageSize?: number;
}

export interface SessionFollower {
  readonly view: SessionView;
  /** Resolves with the first view that fits. @throws BooCodeError when the follower ended before */
  until(fits: (view: SessionView) => boolean, signal?: AbortSignal): Promise<SessionView>;
  /** Loads the page before the first message. */
  loadOlder(): Promise<void>;
  /** Fetches what is cut in a shortened message. @returns the message as it then is; null when it is gone */
  loadWhole(messageId: string): Promise<ViewMessage | null>;
  /** Resolves when nothing of it is left: no socket, no timer. */
  close(): Promise<void>;
}

/** More changes of a session's structure than this during one reload are told by another reload. */
const MAX_HELD = 500;

/**
 * Follows a session: loads it, then applies its frames, and after any interruption continues where it was. What it shows is
 * at every moment what one run of each turn produced, up to some point, and never goes back (D1, D2).
 */
export function followSession(
  client: BooCodeClient,
  sessionId: string,
  options: FollowSessionOptions = {},
): SessionFollower {
  const ending = new AbortController();
  const { signal } = ending;
  const { pageSize = 500 } = options;
  const watched = createWatched(emptyView(sessionId), lastWord, options.onChange);
  const patch = (change: Partial<SessionView>) => watched.set({ ...watched.value, ...change });
  let held: SessionFrame[] = [];

  const reloader = createReloader({
    client: client.internals,
    signal,
    async load() {
      const first = watched.value.session === null ? undefined : watched.value.messages[0]?.turn_ordinal;
      const downTo = options.pages === "all" ? 0 : (first ?? Number.MAX_SAFE_INTEGER);
      const loaded = await loadSession(client, sessionId, { downTo, pageSize, signal });
      let next = mergeLoaded(watched.value, loaded);
      const waiting = held;
      held = [];
      for (const frame of waiting) next = { ...applyFrame(next, frame).view };
      const newest = Math.max(next.version, ...waiting.map(versionOf));
      watched.set(next);
      // A gap among those that were held: what they told of is newer than what was loaded.
      return newest === next.version;
    },
    onFailed: end,
  });

  function receive(frame: SessionFrame): void {
    if (reloader.isLoading() && isStructural(frame)) {
      held = [...held, frame].slice(-MAX_HELD);
      options.onFrame?.(frame, "held");
      return;
    }
    const { view, verdict } = applyFrame(watched.value, frame);
    options.onFrame?.(frame, verdict);
    const isServed = frame.type === "subscribed" && view.connection !== "live";
    watched.set(isServed ? { ...view, connection: "live" } : view);
    if (verdict === "rejoin") socket?.reconnect();
    if (verdict === "reload")
      void reloader.reload(() => !("version" in frame) || watched.value.version >= frame.version);
  }

  let socket: ReturnType<typeof stayConnected> | null = null;
  async function run(): Promise<void> {
    await reloader.reload();
    if (signal.aborted) return;
    socket = stayConnected({
      client: client.internals,
      target: () => `/api/ws/sessions/${sessionId}?cursor=${watched.value.cursor}`,
      onFrame: (frame) => receive(frame as SessionFrame),
      onState: (connection) => signal.aborted || patch({ connection }),
      signal,
    });
    const reason = await socket.ended;
    if (reason) end(reason);
  }

  function end(error: BooCodeError | null): void {
    if (signal.aborted) return;
    ending.abort();
    options.signal?.removeEventListener("abort", leave);
    patch({ connection: "ended", error });
  }
  const leave = () => end(null);
  options.signal?.addEventListener("abort", leave);
  const running = run();
  if (options.signal?.aborted) leave();

  async function loadOlder(): Promise<void> {
    const { messages, hasMore } = watched.value;
    if (!hasMore) return;
    const page = await client.listMessages(
      sessionId,
      { limit: pageSize, before: messages[0]?.turn_ordinal },
      { signal },
    );
    // What was deleted since that page was read would come back with it.
    if (page.version < watched.value.version) return await loadOlder();
    const older = page.messages.map((message) => toViewMessage(message, null));
    patch({ messages: addMessages(older, watched.value.messages), hasMore: page.has_more });
  }

  return {
    get view() {
      return watched.value;
    },
    until: watched.until,
    loadOlder,
    async loadWhole(messageId) {
      const known = watched.value.messages.find((message) => message.id === messageId);
      const whole = known && (await findWhole(client, known, signal));
      if (whole) watched.set(withWhole(watched.value, whole));
      return watched.value.messages.find((message) => message.id === messageId) ?? null;
    },
    async close() {
      leave();
      await running;
      await reloader.idle();
    },
  };
}

const isStructural = (frame: SessionFrame) =>
  "version" in frame && frame.type !== "subscribed" && frame.type !== "snapshot";
const lastWord = ({ connection, error }: SessionView) =>
  connection === "ended" ? (error ?? new BooCodeError("closed", "the follower was closed")) : null;
const versionOf = (frame: SessionFrame) => ("version" in frame ? frame.version : 0);
