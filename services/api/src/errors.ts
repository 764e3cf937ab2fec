import { API_ERRORS, type ApiErrorCode, type ErrorBody } from "@boocode/contracts";
import { IdempotencyKeyReused, isTransient } from "@boocode/store";
import type { FastifyError, FastifyInstance, FastifyReply } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";

/** An expected refusal; its code is in the contracts' table, which says the status. */
export class ApiError extends Error {
  override name = "ApiError";
  readonly code: ApiErrorCode;

  constructor(code: ApiErrorCode, message: string = API_ERRORS[code].when) {
    super(message);
    this.code = code;
  }
}

/** @returns the thing, or throws `not_found`: a thing of another user does not exist for this one */
export function found<T>(thing: T | null): T {
  if (thing === null) throw new ApiError("not_found");
  return thing;
}

/** What fastify says of a request that it did not even give to a route. */
const FROM_FASTIFY: Record<string, ApiErrorCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: "body_too_large",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "unsupported_media_type",
};

function toBody(error: FastifyError | Error): ErrorBody["error"] {
  if (error instanceof ApiError) return { code: error.code, message: error.message };
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
  if (isTransient(error)) return { code: "unavailable", message: "the database is away" };
  const { code, statusCode } = error as FastifyError;
  const known = FROM_FASTIFY[code];
  if (known) return { code: known, message: API_ERRORS[known].when };
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return { code: "invalid_request", message: error.message };
  }
  return { code: "internal", message: "internal error" };
}

/** Every error answer of this API has one shape, with a code of the table and its status. */
export function answerErrors(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError | Error, request, reply) => {
    const body = toBody(error);
    if (body.code === "internal" || body.code === "unavailable") request.log.error({ err: error }, "request failed");
    if (API_ERRORS[body.code].retry && API_ERRORS[body.code].status === 503) reply.header("retry-after", "1");
    return reply.status(API_ERRORS[body.code].status).send({ error: body });
  });
  app.setNotFoundHandler((_request, reply) =>
    reply.status(404).send({ error: { code: "not_found", message: "no such route" } } satisfies ErrorBody),
  );
}

/** A URL that cannot even be read finds no route and no error handler. */
export function answerUnroutable(error: FastifyError, _request: unknown, reply: Pick<FastifyReply, "status">): void {
  reply.status(400).send({ error: { code: "invalid_request", message: error.message } } satisfies ErrorBody);
}
