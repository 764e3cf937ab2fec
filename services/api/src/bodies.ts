import { errorCodes, type FastifyInstance, type FastifyRequest } from "fastify";
import { ApiError } from "./errors.ts";

function hasBody({ headers }: FastifyRequest): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/**
 * Accepts JSON without a Content-Encoding. An empty body counts as none whatever its type, because many clients send a
 * Content-Type with every request; a route that takes a body gets `{}` instead.
 */
export function acceptBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const parseJson = app.getDefaultJsonParser("error", "error");
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, body: string, done) => {
    if (body === "") done(null, undefined);
    else parseJson(request, body, done);
  });
  app.addContentTypeParser("*", (request, _body, done) => {
    if (hasBody(request) && !request.is404) done(new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE());
    else done(null, undefined);
  });
  app.addHook("preValidation", async (request) => {
    if (request.body === undefined && request.routeOptions.schema?.body) request.body = {};
  });
  app.addHook("preParsing", async (request, reply) => {
    const encoding = request.headers["content-encoding"]?.trim().toLowerCase() || "identity";
    if (encoding === "identity" || request.is404 || !hasBody(request)) return;
    reply.header("accept-encoding", "identity");
    throw new ApiError("unsupported_media_type", "the body has a Content-Encoding; send it without");
  });
}
