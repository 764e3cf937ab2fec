import type { Socket } from "node:net";
import { API_ERRORS, type ApiErrorCode, type AuditEventName, type ErrorBody } from "@boocode/contracts";
import { challenge, ProviderUnavailable, type Refused } from "@boocode/identity";
import { Forbidden, IdempotencyKeyReused, isTransient, QuotaExceeded, type UserRefusal } from "@boocode/store";
import type { FastifyError, FastifyInstance, FastifyReply } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import { knownCallerOf } from "./deps.ts";
import { answerToExceeded } from "./quota-exceeded.ts";

/** An expected error. Its status is that of its code in the contracts' table. */
export class ApiError extends Error {
  override name = "ApiError";
  readonly code: ApiErrorCode;
  /** Further headers of the answer. */
  readonly headers: Record<string, string>;

  constructor(
    code: ApiErrorCode,
    message: string = API_ERRORS[code].when,
    { headers = {}, ...options }: ErrorOptions & { headers?: Record<string, string> } = {},
  ) {
    super(message, options);
    this.code = code;
    this.headers = headers;
  }
}

/** @throws ApiError `not_found` for null, which the store also returns for what belongs to another user */
export function found<T>(thing: T | null): T {
  if (thing === null) throw new ApiError("not_found");
  return thing;
}

/** @throws ApiError when the store refused to change or delete a user */
export function changedUser<T extends object>(outcome: T | UserRefusal): T {
  if (outcome === "no_user") throw new ApiError("not_found");
  if (outcome === "no_administrator") throw new ApiError("forbidden", "this needs an administrator");
  if (outcome === "last_administrator") throw new ApiError("last_administrator");
  return outcome;
}

/** The refusals that the audit log counts. */
const AUDITED: Partial<Record<ApiErrorCode, AuditEventName>> = {
  unauthenticated: "refused.unauthenticated",
  forbidden: "refused.forbidden",
  path_not_allowed: "refused.path",
};

export const MALFORMED = "the request is not valid HTTP, is too slow, or has headers that are too large";

/** The errors that fastify raises before a request reaches its route. */
const FROM_FASTIFY: Record<string, ApiErrorCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: "body_too_large",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "unsupported_media_type",
};

function toBody(error: FastifyError | Error): ErrorBody["error"] {
  if (error instanceof ApiError) return { code: error.code, message: error.message };
  if (error instanceof QuotaExceeded) {
    return { code: "quota_exceeded", message: answerToExceeded(error.exceeded).message };
  }
  if (error instanceof Forbidden) return { code: "forbidden", message: error.message };
  if (error instanceof IdempotencyKeyReused) {
    return { code: "idempotency_key_reused", message: API_ERRORS.idempotency_key_reused.when };
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    const details = error.validation.map((issue) => ({
      path: [error.validationContext ?? "body", ...issue.instancePath.split("/").filter(Boolean)].join("."),
      message: issue.message ?? "does not fit",
    }));
    return { code: "invalid_request", message: details.map((d) => `${d.path}: ${d.message}`).join("; "), details };
  }
  if (error instanceof ProviderUnavailable) {
    return { code: "unavailable", message: "the identity provider is unavailable; try again" };
  }
  if (isTransient(error)) return { code: "unavailable", message: "the database is unavailable; try again" };
  const { code, statusCode } = error as FastifyError;
  const known = FROM_FASTIFY[code];
  if (known) return { code: known, message: API_ERRORS[known].when };
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return { code: "invalid_request", message: error.message };
  }
  return { code: "internal", message: "internal error; try again" };
}

/**
 * Gives every error response the shape of `ErrorBody`, with a code from the contracts' table and the code's status.
 * @param deps.report records the failure of a dependency, so that it is not logged for every affected request; returns false for
 *   any other error
 */
export function answerErrors(
  app: FastifyInstance,
  { report, onRefusal }: { report(error: unknown): boolean; onRefusal(refusal: Refused): void },
): void {
  app.setErrorHandler((error: FastifyError | Error, request, reply) => {
    const body = toBody(error);
    const event = AUDITED[body.code];
    if (event) onRefusal({ event, actor: knownCallerOf(request) ?? "anonymous", address: request.ip });
    const isReported = body.code === "unavailable" && report(error.cause ?? error);
    if (!isReported && ["internal", "unavailable"].includes(body.code)) {
      request.log.error({ err: error }, "request failed");
    }
    if (API_ERRORS[body.code].retry && API_ERRORS[body.code].status === 503) reply.header("retry-after", "1");
    if (error instanceof ApiError) reply.headers(error.headers);
    if (error instanceof QuotaExceeded) reply.headers(answerToExceeded(error.exceeded).headers);
    if (body.code === "unauthenticated") reply.header("www-authenticate", challenge(request.headers.authorization));
    return reply.status(API_ERRORS[body.code].status).send({ error: body });
  });
  app.setNotFoundHandler((_request, reply) =>
    reply.status(404).send({
      error: { code: "not_found", message: "no such route; see /docs for the routes of this API" },
    } satisfies ErrorBody),
  );
}

/** Answers a URL that fastify cannot parse: it reaches neither a route nor the error handler. */
export function answerUnroutable(error: FastifyError, _request: unknown, reply: Pick<FastifyReply, "status">): void {
  reply.status(400).send({ error: { code: "invalid_request", message: error.message } } satisfies ErrorBody);
}

const STATUS_OF_MALFORMED: Record<string, string> = {
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
};

/** Answers what node cannot read as HTTP: it reaches no part of fastify. The parser's message could quote the request. */
export function answerMalformed(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const body: ErrorBody = { error: { code: "invalid_request", message: MALFORMED } };
  const text = JSON.stringify(body);
  const status = STATUS_OF_MALFORMED[error.code ?? ""] ?? "400 Bad Request";
  const head = `Connection: close\r\nContent-Type: application/json\r\nContent-Length: ${text.length}`;
  // Destroyed at the end, because such a peer may never close its side.
  socket.end(`HTTP/1.1 ${status}\r\n${head}\r\n\r\n${text}`, () => socket.destroy());
}
