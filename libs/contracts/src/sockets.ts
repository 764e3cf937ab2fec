import { z } from "zod";

/** What a client may say on a socket. A browser that cannot set a header may send its token first. */
export const SocketMessage = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("auth"), token: z.string().min(1).max(512) }),
  z.strictObject({ type: z.literal("ping") }),
]);
export type SocketMessage = z.infer<typeof SocketMessage>;

export const Pong = z.object({ type: z.literal("pong") });

/** Why a socket was closed, and whether the client should come back. */
export const CLOSE_CODES = {
  going_away: { code: 1001, when: "the gateway is stopping; `going_away` said after how long", reconnect: true },
  message_too_big: { code: 1009, when: "a client's message was over the limit", reconnect: false },
  bad_request: { code: 4400, when: "a cursor or a message that is nonsense", reconnect: false },
  unauthenticated: {
    code: 4401,
    when: "no token or ticket, or one that is unknown, used or revoked",
    reconnect: false,
  },
  not_found: { code: 4404, when: "no such session, one of another user, or one that was deleted", reconnect: false },
  auth_timeout: { code: 4408, when: "not authenticated within 10 s", reconnect: true },
  too_slow: {
    code: 4413,
    when: "behind for 30 s, or without a code over 1 MB unread; come back with the cursor",
    reconnect: true,
  },
  unavailable: { code: 4503, when: "a dependency was away while joining", reconnect: true },
} as const satisfies Record<string, { code: number; when: string; reconnect: boolean }>;

export type CloseReason = keyof typeof CLOSE_CODES;

/** A single-use ticket for a browser's WebSocket, which cannot set a header. */
export const SocketTicket = z
  .object({ ticket: z.string(), expires_in_ms: z.int().positive() })
  .meta({ id: "SocketTicket" });
export type SocketTicket = z.infer<typeof SocketTicket>;
