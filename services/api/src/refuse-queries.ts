import { z } from "zod";
import type { App } from "./deps.ts";

const NO_QUERY = z.strictObject({});

/**
 * Refuses parameters that a route does not know, as unknown fields of a body are refused: a misspelt `before` must not return the
 * first page. Call it before the first route is added.
 */
export function refuseUnknownQueries(app: App): void {
  app.addHook("onRoute", (route) => {
    // The pages at /docs are not ours.
    if (route.url.startsWith("/docs") || route.schema?.querystring) return;
    route.schema = { ...route.schema, querystring: NO_QUERY };
  });
}
