import { bearerToken, type Caller } from "@boocode/identity";
import type { FastifyRequest } from "fastify";
import type { Deps } from "./deps.ts";
import { ApiError } from "./errors.ts";

/**
 * Identifies the caller of a request. A request without a token is not counted as a failed sign-in: it costs nothing.
 * @throws ApiError `unauthenticated`; `rate_limited` when too many sign-ins from its address failed
 */
export async function signIn({ findCaller, signIns }: Deps, request: FastifyRequest): Promise<Caller> {
  const token = bearerToken(request.headers.authorization);
  if (!token) throw new ApiError("unauthenticated");
  const waitMs = await signIns.turn(request.ip, token);
  if (waitMs > 0) throw tooManyFailed(waitMs);
  const caller = await findCaller(token);
  if (caller) {
    signIns.succeeded(token);
    return caller;
  }
  const state = await signIns.failed(request.ip);
  throw state && !state.isAllowed ? tooManyFailed(state.retryInMs) : new ApiError("unauthenticated");
}

const tooManyFailed = (waitMs: number) =>
  new ApiError("rate_limited", "too many sign-ins from this address failed", {
    headers: { "retry-after": String(Math.max(1, Math.ceil(waitMs / 1_000))) },
  });
