import type { IncomingMessage, ServerResponse } from "node:http";

/** How long a browser may keep the answer to a preflight. */
const MAX_AGE_S = "600";

/**
 * Lets pages of these origins read every answer, refusals included, and answers their preflights. Without credentials: a token
 * or a ticket is named by the page itself, so there is no cookie that a foreign page could abuse.
 * @param origins may contain `*` for all
 * @returns whether the request was a preflight
 */
export function answerPreflight(request: IncomingMessage, response: ServerResponse, origins: string[]): boolean {
  if (origins.length === 0) return false;
  const { origin } = request.headers;
  if (origins.includes("*")) {
    response.setHeader("access-control-allow-origin", "*");
  } else {
    response.setHeader("vary", "Origin");
    if (origin !== undefined && origins.includes(origin)) response.setHeader("access-control-allow-origin", origin);
  }
  response.setHeader("access-control-expose-headers", "Retry-After, RateLimit, RateLimit-Policy");
  if (request.method !== "OPTIONS" || request.headers["access-control-request-method"] === undefined) return false;
  const wanted = request.headers["access-control-request-headers"];
  response
    .writeHead(204, {
      "access-control-allow-methods": "GET",
      ...(wanted === undefined ? {} : { "access-control-allow-headers": wanted }),
      "access-control-max-age": MAX_AGE_S,
    })
    .end();
  return true;
}
