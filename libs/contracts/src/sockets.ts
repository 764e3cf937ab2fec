import { z } from "zod";

/** The messages of a client. `auth` carries the token of a browser, which cannot set a header on a WebSocket. */
export const SocketMessage = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("auth"), token: z.string().min(1).max(8_192) }),
  z.strictObject({ type: z.literal("ping") }),
]);
export type SocketMessage = z.infer<typeof SocketMessage>;

export const Pong = z.object({ type: z.literal("pong") });

/** Why the gateway closes a socket, and whether the client should reconnect. */
export const CLOSE_CODES = {
  going_away: {
    code: 1001,
    when: "the gateway is shutting down; its `going_away` frame stated when to reconnect",
    reconnect: true,
  },
  message_too_big: { code: 1009, when: "a message of the client exceeded the size limit", reconnect: false },
  bad_request: { code: 4400, when: "the cursor or a message of the client is malformed", reconnect: false },
  unauthenticated: {
    code: 4401,
    when: "the token or ticket is missing, unknown, used or revoked",
    reconnect: false,
  },
  forbidden: { code: 4403, when: "the token lacks the scope `read`", reconnect: false },
  not_found: {
    code: 4404,
    when: "the session does not exist, the user may not read it, or it was deleted",
    reconnect: false,
  },
  auth_timeout: { code: 4408, when: "the client did not authenticate within 10 s", reconnect: true },
  too_slow: {
    code: 4413,
    when: "the client was behind for 30 s (with over 1 MB unsent the connection is dropped without a code)",
    reconnect: true,
  },
  rate_limited: {
    code: 4429,
    when: "the user has or opens too many sockets, the client sends messages too fast, or too many sign-ins from its address failed; wait at least 5 s",
    reconnect: true,
  },
  unavailable: { code: 4503, when: "a dependency was unavailable while the client joined", reconnect: true },
} as const satisfies Record<string, { code: number; when: string; reconnect: boolean }>;

export type CloseReason = keyof typeof CLOSE_CODES;

/** A single-use ticket for a browser's WebSocket, which cannot set a header. */
export const SocketTicket = z
  .object({ ticket: z.string(), expires_in_ms: z.int().positive() })
  .meta({ id: "SocketTicket" });
export type SocketTicket = z.infer<typeof SocketTicket>;
