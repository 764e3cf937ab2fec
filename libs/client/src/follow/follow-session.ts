import type { Message, SessionFrame } from "@boocode/contracts";
import { BooCodeError } from "../boo-code-error.ts";
import type { BooCodeClient } from "../create-client.ts";
import { applyFrame, type Verdict } from "../fold/apply-frame.ts";
import { mergeLoaded, mergeWhole } from "../fold/merge-loaded.ts";
import { addMessages, formatPlace, toViewMessage } from "../fold/order-messages.ts";
import { emptyView, type SessionView, type ViewMessage } from "../fold/session-view.ts";
import { createFollower } from "./create-follower.ts";
import { loadSession } from "./load-session.ts";

export interface FollowSessionOptions {
  /** Called with every new view, synchronously and in order. */
  onChange?: (view: SessionView) => void;
  /** Called with every frame and its verdict, before `onChange`; for recordings. */
  onFrame?: (frame: SessionFrame, verdict: Verdict | "held") => void;
  /** Closes the follower. */
  signal?: AbortSignal;
  /** Which messages the first load fetches: the newest page (the default) or all. */
  pages?: "newest" | "all";
  /** Messages in a page; 500 by default. */
  pageSize?: number;
}

export interface SessionFollower {
  readonly view: SessionView;
  /** Resolves with the first view that matches. @throws BooCodeError when the follower ends first */
  until(matches: (view: SessionView) => boolean, signal?: AbortSignal): Promise<SessionView>;
  /** Loads the page before the first message. */
  loadOlder(): Promise<void>;
  /** Fetches the whole of a shortened message. @returns the message in the view; null when it is gone */
  loadWhole(messageId: string): Promise<ViewMessage | null>;
  /** Resolves when no socket, timer or request of the follower is left. */
  close(): Promise<void>;
}

/**
 * Follows a session: loads it, then applies its frames, and after an interruption continues where it was. At every moment, the
 * view shows for each turn a prefix of what one attempt produced, and it never goes back (D1, D2).
 */
export function followSession(
  client: BooCodeClient,
  sessionId: string,
  options: FollowSessionOptions = {},
): SessionFollower {
  const { pageSize = 500 } = options;
  const follower = createFollower<SessionView, SessionFrame>({
    client,
    emptyView: emptyView(sessionId),
    loadsFirst: true,
    target: (view) => `/api/ws/sessions/${sessionId}?cursor=${view.cursor}`,
    async load(view, _, signal) {
      const first = view.session === null ? null : (view.messages[0] ?? null);
      const downTo = options.pages === "all" ? { turn_ordinal: 0, position: 0 } : first;
      const loaded = await loadSession(client, sessionId, { downTo, pageSize, signal });
      return (current) => mergeLoaded(current, loaded);
    },
    apply: applyFrame,
    onChange: options.onChange,
    onFrame: options.onFrame,
    closeSignal: options.signal,
  });
  const messageOf = (id: string) => follower.view.messages.find((message) => message.id === id);

  async function loadOlder(): Promise<void> {
    const { messages, hasMore } = follower.view;
    if (!hasMore) return;
    const before = messages[0] && formatPlace(messages[0]);
    const page = await client.listMessages(sessionId, { limit: pageSize, before }, { signal: follower.ended });
    // The page may contain messages that were deleted after it was read.
    if (page.version < follower.view.version) return await loadOlder();
    const older = page.messages.map((message) => toViewMessage(message, null));
    follower.change((view) => ({ ...view, messages: addMessages(older, view.messages), hasMore: page.has_more }));
  }

  /** @returns null when it is gone */
  async function findMessage(messageId: string): Promise<Message | null> {
    try {
      return await client.getMessage(sessionId, messageId, { signal: follower.ended });
    } catch (error) {
      if (error instanceof BooCodeError && error.code === "not_found") return null;
      throw error;
    }
  }

  return {
    get view() {
      return follower.view;
    },
    until: follower.until,
    loadOlder,
    async loadWhole(messageId) {
      const whole = messageOf(messageId) && (await findMessage(messageId));
      if (whole) follower.change((view) => mergeWhole(view, whole));
      return messageOf(messageId) ?? null;
    },
    close: follower.close,
  };
}
