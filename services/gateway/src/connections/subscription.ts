import { type CloseReason, Id, type Position, parseCursor } from "@boocode/contracts";
import type { Caller } from "@boocode/identity";
import { createSubscriber } from "../topics/subscriber.ts";
import type { Topics } from "../topics/topics.ts";
import type { Transport } from "../transports/transport.ts";

/** What a URL asks to follow. */
export type Subscription =
  | { target: "session"; sessionId: string; cursor: Position | null }
  | { target: "user"; cursor: number | null };

const SESSION = /^\/api\/(?:ws\/sessions\/([^/]+)|sessions\/([^/]+)\/events)$/;
const USER = new Set(["/api/ws/user", "/api/user/events"]);

/**
 * @param lastEventId what an event stream was told last; it is newer than the URL, which a browser repeats unchanged
 * @returns null when the path is none of a subscription; a reason when what it asks for is nonsense
 */
export function parseSubscription(url: URL, lastEventId: string | undefined): Subscription | CloseReason | null {
  const cursor = lastEventId || url.searchParams.get("cursor");
  if (USER.has(url.pathname)) {
    if (cursor === null) return { target: "user", cursor: null };
    return /^\d{1,15}$/.test(cursor) ? { target: "user", cursor: Number(cursor) } : "bad_request";
  }
  const match = SESSION.exec(url.pathname);
  if (!match) return null;
  const sessionId = Id.safeParse(match[1] ?? match[2]);
  if (!sessionId.success) return "not_found";
  if (cursor === null) return { target: "session", sessionId: sessionId.data.toLowerCase(), cursor: null };
  const position = parseCursor(cursor);
  return position ? { target: "session", sessionId: sessionId.data.toLowerCase(), cursor: position } : "bad_request";
}

export interface SubscribeDeps {
  topics: Topics;
  /** The same predicate as in REST: a session of another user does not exist. */
  mayRead(userId: string, sessionId: string): Promise<boolean>;
}

/** Begins to serve an authenticated subscriber. @returns the end of it, or why it cannot be served */
export async function subscribe(
  deps: SubscribeDeps,
  caller: Caller,
  subscription: Subscription,
  transport: Transport,
): Promise<(() => void) | CloseReason> {
  try {
    if (subscription.target === "user") {
      return await deps.topics.watchUser(caller.userId, { transport, cursor: subscription.cursor, version: null });
    }
    if (!(await deps.mayRead(caller.userId, subscription.sessionId))) return "not_found";
    return deps.topics.watchSession(subscription.sessionId, createSubscriber(transport, subscription.cursor));
  } catch {
    return "unavailable";
  }
}
