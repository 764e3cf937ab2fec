import { type CloseReason, Id, type Position, parseCursor } from "@boocode/contracts";
import type { Caller } from "@boocode/identity";
import { createSubscriber } from "../topics/subscriber.ts";
import type { Topics } from "../topics/topics.ts";
import { createUserSubscriber } from "../topics/user-topic.ts";
import type { Transport } from "../transports/transport.ts";

/** Why a subscription is refused before its first frame. */
export type Refusal = Extract<
  CloseReason,
  "bad_request" | "unauthenticated" | "forbidden" | "not_found" | "unavailable"
>;

/** What a URL subscribes to. */
export type Subscription =
  | { target: "session"; sessionId: string; cursor: Position | null }
  | { target: "user"; cursor: number | null };

/** The paths of each target, over a WebSocket and as an event stream. The authorization matrix has a row for each target. */
export const SUBSCRIPTIONS: Record<Subscription["target"], { socket: RegExp; events: RegExp }> = {
  session: { socket: /^\/api\/ws\/sessions\/([^/]+)$/, events: /^\/api\/sessions\/([^/]+)\/events$/ },
  user: { socket: /^\/api\/ws\/user$/, events: /^\/api\/user\/events$/ },
};

/** `ticket` is a credential, read elsewhere. */
const PARAMETERS = ["cursor", "ticket"];

/** As strict as the API's queries: a misspelt `cursor` must not return everything once more. */
function isKnownQuery({ searchParams }: URL): boolean {
  const names = [...searchParams.keys()];
  return names.every((name) => PARAMETERS.includes(name)) && new Set(names).size === names.length;
}

const matching = (target: Subscription["target"], path: string) =>
  SUBSCRIPTIONS[target].socket.exec(path) ?? SUBSCRIPTIONS[target].events.exec(path);

/**
 * @param lastEventId sent by an event stream that reconnects; newer than the URL's cursor, which a browser does not update
 * @returns null when the path is not that of a subscription
 */
export function parseSubscription(url: URL, lastEventId: string | undefined): Subscription | Refusal | null {
  const cursor = lastEventId || url.searchParams.get("cursor");
  if (matching("user", url.pathname)) {
    if (!isKnownQuery(url)) return "bad_request";
    if (cursor === null) return { target: "user", cursor: null };
    return /^\d{1,15}$/.test(cursor) ? { target: "user", cursor: Number(cursor) } : "bad_request";
  }
  const match = matching("session", url.pathname);
  if (!match) return null;
  const sessionId = Id.safeParse(match[1]);
  if (!sessionId.success) return "not_found";
  if (!isKnownQuery(url)) return "bad_request";
  if (cursor === null) return { target: "session", sessionId: sessionId.data.toLowerCase(), cursor: null };
  const position = parseCursor(cursor);
  return position ? { target: "session", sessionId: sessionId.data.toLowerCase(), cursor: position } : "bad_request";
}

export interface SubscribeDeps {
  topics: Topics;
  /** The access check of REST (T14): a session that the user may not read counts as one that does not exist. */
  mayRead(userId: string, sessionId: string): Promise<boolean>;
}

/** Whether the caller's credential permits to follow anything. */
export const mayFollow = ({ scopes }: Caller): boolean => scopes.includes("read");

/** Subscribes an authenticated caller. @returns a function that ends the subscription, or why it is refused */
export async function subscribe(
  deps: SubscribeDeps,
  caller: Caller,
  subscription: Subscription,
  transport: Transport,
): Promise<(() => void) | Refusal> {
  if (!mayFollow(caller)) return "forbidden";
  try {
    switch (subscription.target) {
      case "user":
        return await deps.topics.watchUser(caller.userId, createUserSubscriber(transport, subscription.cursor));
      case "session": {
        const { sessionId, cursor } = subscription;
        if (!(await deps.mayRead(caller.userId, sessionId))) return "not_found";
        return deps.topics.watchSession(sessionId, createSubscriber(transport, caller.userId, cursor));
      }
    }
  } catch {
    return "unavailable";
  }
}
