import { Alive, ErrorBody, Ready, type Scope } from "@boocode/contracts";
import { boundConnections, type IsTrusted, REQUEST_TIMES } from "@boocode/limits";
import cors from "@fastify/cors";
import helmet from "@fastify/helmet";
import Fastify, { type FastifyBaseLogger, LogController } from "fastify";
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { acceptBodies } from "./bodies.ts";
import { compressAnswers } from "./compress.ts";
import { type App, type Deps, setCaller } from "./deps.ts";
import { describeApi } from "./describe-api.ts";
import { endStalledAnswers, STALL_MS } from "./end-stalled-answers.ts";
import { answerErrors, answerMalformed, answerUnroutable, MALFORMED } from "./errors.ts";
import { admitAnonymous } from "./limit-anonymous.ts";
import { limitRequest } from "./limit-requests.ts";
import { refuseMethods } from "./refuse-methods.ts";
import { refuseUnknownQueries } from "./refuse-queries.ts";
import { requireScope } from "./require-scope.ts";
import { ROUTES } from "./routes.ts";
import { signIn } from "./sign-in.ts";

/** How long a browser may keep the answer to a preflight. */
const PREFLIGHT_MAX_AGE_S = 600;

/** The only refusal of the routes that take nothing. */
const malformed = ErrorBody.meta({ description: `\`invalid_request\`: ${MALFORMED}` });

/** A probe may add a parameter of its own, such as one that keeps a cache from answering. */
const ANY_QUERY = z.looseObject({});

export interface AppOptions {
  log: FastifyBaseLogger;
  bodyLimit: number;
  corsOrigins: string[];
  isTrustedProxy: IsTrusted;
  publicPages: ("metrics" | "docs" | "openapi")[];
  /** Limit of connections, before anything is known of who makes them. */
  maxConnections: number;
  readiness(): Promise<Ready>;
  /** See `answerErrors`. */
  report(error: unknown): boolean;
  metrics(): Promise<string>;
}

/** Assembles the application without starting it. */
export async function buildApp(deps: Deps, options: AppOptions): Promise<App> {
  const app: App = Fastify({
    loggerInstance: options.log,
    bodyLimit: options.bodyLimit,
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: options.isTrustedProxy,
    forceCloseConnections: "idle",
    routerOptions: { ignoreTrailingSlash: true },
    requestTimeout: REQUEST_TIMES.requestTimeout,
    http: REQUEST_TIMES,
    frameworkErrors: answerUnroutable,
    clientErrorHandler: answerMalformed,
  }).withTypeProvider<ZodTypeProvider>();
  boundConnections(app.server, options.maxConnections);
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  answerErrors(app, { report: options.report, onRefusal: deps.refused });
  acceptBodies(app);
  const refuseOtherMethods = refuseMethods(app);
  refuseUnknownQueries(app);

  // TLS, if any, is terminated in front of this process, so /docs must load its assets with the scheme of the page.
  await app.register(helmet, { contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } });
  // Without credentials: a page names its token itself, so there is no cookie that a foreign page could abuse.
  await app.register(cors, {
    origin: options.corsOrigins.length > 0 ? options.corsOrigins : false,
    methods: ["GET", "POST", "PATCH", "DELETE"],
    exposedHeaders: ["Retry-After", "RateLimit", "RateLimit-Policy"],
    maxAge: PREFLIGHT_MAX_AGE_S,
    // An OPTIONS request that is no preflight is answered like one, not with a text.
    strictPreflight: false,
  });
  compressAnswers(app);
  endStalledAnswers(app, STALL_MS);
  await describeApi(app, { isServed: options.publicPages.includes("docs") });

  app.get(
    "/healthz",
    {
      schema: {
        operationId: "checkAlive",
        summary: "Check that the process is alive",
        security: [],
        querystring: ANY_QUERY,
        response: { 200: Alive, 400: malformed },
      },
    },
    async () => ({ status: "ok" as const }),
  );
  app.get(
    "/readyz",
    {
      schema: {
        operationId: "checkReady",
        summary: "Check that this process can do its work with each of its dependencies",
        security: [],
        querystring: ANY_QUERY,
        response: { 200: Ready, 400: malformed, 503: Ready },
      },
    },
    async (_request, reply) => {
      const answer = await options.readiness();
      return reply.status(answer.status === "ready" ? 200 : 503).send(answer);
    },
  );
  if (options.publicPages.includes("metrics")) {
    app.get("/metrics", { schema: { hide: true } }, async (_request, reply) =>
      reply.type("text/plain; version=0.0.4").send(await options.metrics()),
    );
  }
  if (options.publicPages.includes("openapi")) {
    app.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());
  }

  for (const [scope, routes] of Object.entries(ROUTES)) {
    await app.register(async (api: App) => {
      api.addHook("onRequest", async (request, reply) => {
        if (await admitAnonymous(deps, request, reply)) return;
        const caller = await signIn(deps, request);
        setCaller(request, caller);
        await limitRequest(deps, caller, request, reply);
        requireScope(caller, scope as Scope);
      });
      let operationId = "";
      api.addHook("onRoute", (route) => {
        route.schema = { ...route.schema, operationId, description: `Needs the scope \`${scope}\`.` };
      });
      for (const [name, route] of Object.entries(routes)) {
        operationId = name;
        route(api, deps);
      }
    });
  }
  refuseOtherMethods();
  return app;
}
