import type { CloseReason } from "@boocode/contracts";
import type { Caller } from "@boocode/identity";
import { createSubscriber } from "./subscriber.ts";
import type { Subscription } from "./subscription.ts";
import type { Topics } from "./topics.ts";
import type { Transport } from "./transport.ts";

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
