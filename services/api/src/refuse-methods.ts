import type { FastifyInstance, HTTPMethods } from "fastify";
import { ApiError } from "./errors.ts";

/**
 * Answers 405 where a path exists but does not take the method. Call it before the first route is added.
 * @returns a function to call after the last one
 */
export function refuseMethods(app: FastifyInstance): () => void {
  const taken = new Map<string, Set<string>>();
  app.addHook("onRoute", ({ url, method }) => {
    const methods = taken.get(url) ?? new Set();
    for (const each of [method].flat()) methods.add(each);
    taken.set(url, methods);
  });
  return () => {
    for (const [url, methods] of [...taken]) {
      // A pattern for every path stands for no route of its own.
      if (url.endsWith("*")) continue;
      const allow = [...methods].sort().join(", ");
      app.route({
        url,
        method: app.supportedMethods.filter((method) => !methods.has(method)) as HTTPMethods[],
        exposeHeadRoute: false,
        schema: { hide: true },
        // Before the body is read: it does not matter here.
        async onRequest(_request, reply) {
          reply.header("allow", allow);
          throw new ApiError("method_not_allowed");
        },
        handler: () => {},
      });
    }
  };
}
