import { backOff } from "./back-off.ts";
import { BooCodeError } from "./boo-code-error.ts";
import { pause } from "./clock.ts";
import type { ClientInternals } from "./create-client.ts";
import { finalCloseReason } from "./final-close-codes.ts";
import { visitSocket } from "./visit-socket.ts";

export interface StayConnectedDeps {
  client: ClientInternals;
  /** Path and query of the next connection, with the cursor as it is then. */
  target(): string;
  onFrame(frame: { type: string }): void;
  onState(state: "connecting" | "waiting"): void;
  /** Ends everything. */
  signal: AbortSignal;
}

export interface StayConnected {
  /** Leaves this connection and makes another, as after a loss. */
  reconnect(): void;
  /** Resolves when it has ended for good, with the reason; null when the signal ended it. Never rejects. */
  ended: Promise<BooCodeError | null>;
}

/** A gateway that served for so long is a healthy one: the next failure is the first again. */
const HEALTHY_MS = 5_000;

/** Keeps a socket open until the gateway forbids to come back or the signal ends it. */
export function stayConnected(deps: StayConnectedDeps): StayConnected {
  let current = new AbortController();
  const stop = () => current.abort();
  deps.signal.addEventListener("abort", stop);

  async function run(): Promise<BooCodeError | null> {
    const { clock, random, sockets, gatewayUrl } = deps.client;
    let ticketsRefused = 0;
    for (let failures = 0; !deps.signal.aborted; failures += 1) {
      deps.onState("connecting");
      current = new AbortController();
      const access = await sockets.credentials().catch(() => null);
      if (deps.signal.aborted) return null;
      const target = `${gatewayUrl}${deps.target()}`;
      const visit =
        access &&
        (await visitSocket({
          clock,
          signal: current.signal,
          greeting: access.greeting,
          onFrame: deps.onFrame,
          open: () => sockets.open(access.ticket === null ? target : withTicket(target, access.ticket), access.headers),
        }));
      if (deps.signal.aborted) return null;
      const reason = finalCloseReason(visit?.code ?? 0);
      // A ticket may be lost with the gateway's Redis or come too late; a second one tells that from a refusal.
      if (reason === "unauthenticated" && access?.ticket && ticketsRefused === 0) ticketsRefused = 1;
      else if (reason)
        return new BooCodeError(reason, `the gateway closed the socket: ${reason}`, { status: visit?.code });
      if (visit && visit.servedMs > 0) ticketsRefused = 0;
      if (visit && visit.servedMs >= HEALTHY_MS) failures = 0;
      deps.onState("waiting");
      await pause(clock, visit?.retryAfterMs ?? backOff(failures, random()), deps.signal);
    }
    return null;
  }

  const ended = run().finally(() => deps.signal.removeEventListener("abort", stop));
  return { reconnect: stop, ended };
}

function withTicket(url: string, ticket: string): string {
  return `${url}${url.includes("?") ? "&" : "?"}ticket=${encodeURIComponent(ticket)}`;
}
