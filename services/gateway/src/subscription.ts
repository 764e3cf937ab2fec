import { type CloseReason, Id, type Position, parseCursor } from "@boocode/contracts";

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
