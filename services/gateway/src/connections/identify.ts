import type { Caller, Refused } from "@boocode/identity";
import {
  type LimitSettings,
  limitsOf,
  type RateHeaders,
  type Rates,
  rateHeaders,
  ratesOf,
  retryAfter,
  type SignIns,
} from "@boocode/limits";
import type { Admission } from "./places.ts";

/** The credentials in a request's header or URL, known before its socket is open, and the address of its client. */
export interface Credentials {
  address: string;
  token: string | null;
  ticket: string | null;
}

export interface IdentifyDeps {
  findCaller(token: string): Promise<Caller | null>;
  takeTicket(ticket: string): Promise<Caller | null>;
  /** A subscriber was refused for a reason that the audit log counts. */
  refused(refusal: Refused): void;
  limits: LimitSettings;
  rates: Rates;
  signIns: SignIns;
}

/** A client has come too often, or has as many connections as it may. The headers say when it may come again. */
export interface RateLimited {
  headers: RateHeaders;
}

/** After how long a user with all of the allowed connections should look whether one has closed. */
const CONNECTIONS_RETRY_MS = 5_000;

/**
 * Identifies a client, counts its failure or its new connection, and proves its admission. A ticket is always tried: it works once,
 * so that nobody could have shown before that it is good.
 */
export async function identify(
  deps: IdentifyDeps,
  { address, token, ticket }: Credentials,
  admission: Admission,
): Promise<Caller | "unauthenticated" | RateLimited | "unavailable"> {
  const waitMs = token === null ? 0 : await deps.signIns.turn(address, token);
  if (waitMs > 0) return { headers: retryAfter(waitMs) };
  const find = () => (token !== null ? deps.findCaller(token) : ticket !== null ? deps.takeTicket(ticket) : null);
  const caller = await Promise.resolve()
    .then(find)
    .catch(() => "unavailable" as const);
  if (caller === "unavailable") return caller;
  if (caller === null) {
    deps.refused({ event: "refused.unauthenticated", actor: "anonymous", address });
    const state = token === null && ticket === null ? null : await deps.signIns.failed(address);
    return state && !state.isAllowed ? { headers: retryAfter(state.retryInMs) } : "unauthenticated";
  }
  if (token !== null) deps.signIns.succeeded(token);
  const limits = limitsOf(deps.limits, caller);
  const states = await deps.rates.take(caller.userId, ratesOf(limits, ["sockets_per_minute"]));
  if (states.some(({ isAllowed }) => !isAllowed)) return { headers: rateHeaders(states) };
  if (!admission.prove(caller.userId, limits.sockets)) return { headers: retryAfter(CONNECTIONS_RETRY_MS) };
  return caller;
}
