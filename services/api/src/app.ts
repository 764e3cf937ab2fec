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
import { changeUser } from "./routes/admin/change-user.ts";
import { createGrant } from "./routes/admin/create-grant.ts";
import { createUser } from "./routes/admin/create-user.ts";
import { createUserToken } from "./routes/admin/create-user-token.ts";
import { deleteGrant } from "./routes/admin/delete-grant.ts";
import { deleteUser } from "./routes/admin/delete-user.ts";
import { getUsageOfUsers } from "./routes/admin/get-usage-of-users.ts";
import { getUser } from "./routes/admin/get-user.ts";
import { listAudit } from "./routes/admin/list-audit.ts";
import { listGrants } from "./routes/admin/list-grants.ts";
import { listUserTokens } from "./routes/admin/list-user-tokens.ts";
import { listUsers } from "./routes/admin/list-users.ts";
import { revokeUserToken } from "./routes/admin/revoke-user-token.ts";
import { cancelTurn } from "./routes/cancel-turn.ts";
import { changeProject } from "./routes/change-project.ts";
import { changeSession } from "./routes/change-session.ts";
import { createProject } from "./routes/create-project.ts";
import { createSession } from "./routes/create-session.ts";
import { createShare } from "./routes/create-share.ts";
import { createToken } from "./routes/create-token.ts";
import { deleteMessages } from "./routes/delete-messages.ts";
import { deleteProject } from "./routes/delete-project.ts";
import { deleteSession } from "./routes/delete-session.ts";
import { editQuestion } from "./routes/edit-question.ts";
import { exportMe } from "./routes/export-me.ts";
import { exportSession } from "./routes/export-session.ts";
import { findFiles } from "./routes/find-files.ts";
import { forkSession } from "./routes/fork-session.ts";
import { getCitation } from "./routes/get-citation.ts";
import { getFile } from "./routes/get-file.ts";
import { getMe } from "./routes/get-me.ts";
import { getMessage } from "./routes/get-message.ts";
import { getProject } from "./routes/get-project.ts";
import { getSession } from "./routes/get-session.ts";
import { getTurn } from "./routes/get-turn.ts";
import { getUsage } from "./routes/get-usage.ts";
import { listAllSessions } from "./routes/list-all-sessions.ts";
import { listFolder } from "./routes/list-folder.ts";
import { listMembers } from "./routes/list-members.ts";
import { listMessages } from "./routes/list-messages.ts";
import { listModels } from "./routes/list-models.ts";
import { listOwnGrants } from "./routes/list-own-grants.ts";
import { listOwnShares } from "./routes/list-own-shares.ts";
import { listProjects } from "./routes/list-projects.ts";
import { listSessions } from "./routes/list-sessions.ts";
import { listShares } from "./routes/list-shares.ts";
import { listTokens } from "./routes/list-tokens.ts";
import { listTurnMessages } from "./routes/list-turn-messages.ts";
import { listTurns } from "./routes/list-turns.ts";
import { makeTicket } from "./routes/make-ticket.ts";
import { postMessage } from "./routes/post-message.ts";
import { readShare } from "./routes/read-share.ts";
import { regenerateAnswer } from "./routes/regenerate-answer.ts";
import { removeMember } from "./routes/remove-member.ts";
import { revokeShare } from "./routes/revoke-share.ts";
import { revokeToken } from "./routes/revoke-token.ts";
import { setMember } from "./routes/set-member.ts";
import { withdrawTurn } from "./routes/withdraw-turn.ts";
import { signIn } from "./sign-in.ts";

/**
 * The routes below `/api`, by the scope that they need. Each name, a verb and a noun as in its file's name, is the
 * `operationId` in the description.
 */
export const ROUTES: Record<Scope, Record<string, (app: App, deps: Deps) => void>> = {
  read: {
    getMe,
    listTokens,
    listOwnGrants,
    getUsage,
    exportMe,
    listProjects,
    getProject,
    getFile,
    listFolder,
    findFiles,
    listMembers,
    listSessions,
    listAllSessions,
    getSession,
    listMessages,
    getMessage,
    getCitation,
    exportSession,
    listShares,
    listOwnShares,
    readShare,
    listTurns,
    getTurn,
    listTurnMessages,
    listModels,
    makeTicket,
  },
  ask: {
    createToken,
    revokeToken,
    createProject,
    changeProject,
    deleteProject,
    setMember,
    removeMember,
    createSession,
    forkSession,
    changeSession,
    deleteSession,
    postMessage,
    deleteMessages,
    regenerateAnswer,
    editQuestion,
    createShare,
    revokeShare,
    cancelTurn,
    withdrawTurn,
  },
  admin: {
    listUsers,
    createUser,
    getUser,
    changeUser,
    deleteUser,
    listUserTokens,
    createUserToken,
    revokeUserToken,
    listGrants,
    createGrant,
    deleteGrant,
    listAudit,
    getUsageOfUsers,
  },
};

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
