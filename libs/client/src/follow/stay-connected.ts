import type { CLOSE_CODES, CloseReason } from "@boocode/contracts";
import { backOff } from "../back-off.ts";
import { BooCodeError } from "../boo-code-error.ts";
import { pause } from "../clock.ts";
import type { ClientInternals } from "../create-client.ts";
import { runConnection } from "./run-connection.ts";

/** `connecting` lasts until the socket has ended. `reconnect` closes it and opens another one, as after a loss. */
type ConnectionState = { at: "connecting"; reconnect(): void } | { at: "waiting" };

export interface StayConnectedDeps {
  client: ClientInternals;
  /** Path and query of the next connection, with the cursor at that time. */
  target(): string;
  onFrame(frame: { type: string }): void;
  onState(state: ConnectionState): void;
  /** Closes the connection and stops reconnecting. */
  signal: AbortSignal;
}

/** After a connection that was served for this long, the back-off starts over. */
const HEALTHY_MS = 5_000;

/**
 * Keeps a socket open, and reconnects after each loss. Never rejects.
 * @returns the error behind a final close code; null when the signal ended it
 */
export async function stayConnected(deps: StayConnectedDeps): Promise<BooCodeError | null> {
  const { clock, random, sockets, gatewayUrl } = deps.client;
  let ticketsRefused = 0;
  for (let failures = 0; !deps.signal.aborted; failures += 1) {
    const leaving = new AbortController();
    const reconnect = () => leaving.abort();
    deps.signal.addEventListener("abort", reconnect);
    deps.onState({ at: "connecting", reconnect });
    let toldMs = 0;
    const access = await sockets.credentials().catch((error: unknown) => {
      toldMs = (error instanceof BooCodeError && error.retryAfterMs) || 0;
      return null;
    });
    const target = `${gatewayUrl}${deps.target()}`;
    const connection =
      access &&
      (await runConnection({
        clock,
        signal: leaving.signal,
        greeting: access.greeting,
        onFrame: deps.onFrame,
        open: () => sockets.open(access.ticket === null ? target : withTicket(target, access.ticket), access.headers),
      }));
    deps.signal.removeEventListener("abort", reconnect);
    if (deps.signal.aborted) return null;
    const reason = finalCloseReason(connection?.code ?? 0);
    // A ticket is also refused if Redis has lost it or it expired on the way, so only the second refusal in a row is final.
    if (reason === "unauthenticated" && access?.ticket && ticketsRefused === 0) ticketsRefused = 1;
    else if (reason)
      return new BooCodeError(reason, `the gateway closed the socket: ${reason}`, { status: connection?.code });
    if (connection && connection.servedMs > 0) ticketsRefused = 0;
    if (connection && connection.servedMs >= HEALTHY_MS) failures = 0;
    if (connection?.code === RATE_LIMITED.code) toldMs = RATE_LIMITED.waitMs * (1 + random());
    deps.onState({ at: "waiting" });
    await pause(clock, connection?.retryAfterMs ?? toldMs + backOff(failures, random()), deps.signal);
  }
  return null;
}

function withTicket(url: string, ticket: string): string {
  return `${url}${url.includes("?") ? "&" : "?"}ticket=${encodeURIComponent(ticket)}`;
}

type Table = typeof CLOSE_CODES;
type Final = { [Reason in CloseReason]: Table[Reason]["reconnect"] extends false ? Reason : never }[CloseReason];

/** Closed for too many sockets or messages: the wait that the table in contracts asks for, spread so that they do not return together. */
const RATE_LIMITED: { code: Table["rate_limited"]["code"]; waitMs: number } = { code: 4429, waitMs: 5_000 };

/** The close codes after which a client must not reconnect. The type keeps them equal to the table in contracts. */
const FINAL: { [Reason in Final]: Table[Reason]["code"] } = {
  message_too_big: 1009,
  bad_request: 4400,
  unauthenticated: 4401,
  forbidden: 4403,
  not_found: 4404,
};

/** @returns why the socket was closed for good; null when the client should reconnect with its cursor */
function finalCloseReason(code: number): CloseReason | null {
  const found = Object.entries(FINAL).find(([, final]) => final === code);
  return found ? (found[0] as CloseReason) : null;
}
