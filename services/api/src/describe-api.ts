import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import { jsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";
import type { App } from "./deps.ts";

/** Describes the routes that are added later, as OpenAPI, and serves pages that show the description. */
export async function describeApi(app: App): Promise<void> {
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
      // Relative to the description, so that it holds behind a proxy that serves the API below a path. Set here, because the
      // plugin itself accepts absolute URLs only.
      return { ...document, servers: [{ url: ".", description: "The server that serves this description" }] };
    },
  });
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
