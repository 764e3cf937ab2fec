import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import { jsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";
import type { App } from "./deps.ts";

/** Describes the routes that are added later, as OpenAPI, and, where that is wanted, serves pages that show the description. */
export async function describeApi(app: App, { isServed }: { isServed: boolean }): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "BooCode",
        version: "0.1.0",
        description:
          "Ask questions about a code base. The gateway streams the answers over WebSockets and event streams.",
        // The repository grants no licence; this is npm's word for that.
        license: { name: "UNLICENSED", identifier: "LicenseRef-UNLICENSED" },
      },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
      security: [{ token: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject(input) {
      const document = jsonSchemaTransformObject(input);
      if ("components" in document) removeUnused(document.paths, document.components?.schemas ?? {});
      describeRateHeaders(document.paths ?? {});
      // Relative to the description, so that it holds behind a proxy that serves the API below a path. Set here, because the
      // plugin itself accepts absolute URLs only.
      return { ...document, servers: [{ url: ".", description: "The server that serves this description" }] };
    },
  });
  if (!isServed) return;
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    // Relative, for the same reason.
    indexPrefix: ".",
    transformSpecification: (document) => ({ ...document, servers: [{ url: ".." }] }),
  });
}

/** Removes the schemas that no operation refers to: the transform adds each schema twice, for bodies and for answers. */
function removeUnused(paths: unknown, schemas: Record<string, unknown>): void {
  const used = new Set<string>();
  const follow = (part: unknown) => {
    for (const [, name = ""] of JSON.stringify(part).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      if (used.has(name)) continue;
      used.add(name);
      follow(schemas[name]);
    }
  };
  follow(paths);
  for (const name of Object.keys(schemas)) if (!used.has(name)) delete schemas[name];
}

const RATE_HEADERS = {
  "Retry-After": { description: "Seconds until the same request may succeed.", schema: { type: "integer" } },
  "RateLimit-Policy": {
    description: 'The limits, as in draft-ietf-httpapi-ratelimit-headers-11: `"posts_per_minute";q=120;w=60`.',
    schema: { type: "string" },
  },
  RateLimit: {
    description: 'What is left of each and the seconds until there is more: `"posts_per_minute";r=119;t=0`.',
    schema: { type: "string" },
  },
};

/** Describes the headers of every 429. They are no part of the answers' schemas, from which the transform makes only bodies. */
function describeRateHeaders(paths: object): void {
  for (const operations of Object.values(paths)) {
    for (const { responses } of Object.values(operations) as { responses?: Record<string, object> }[]) {
      const limited = responses?.["429"];
      if (limited) Object.assign(limited, { headers: RATE_HEADERS });
    }
  }
}
