import type { Announce } from "@boocode/announce";
import type { Epoch, LiveWait, ModelList, Role } from "@boocode/contracts";
import type { Caller, Refused } from "@boocode/identity";
import type { LimitSettings, Rates, SignIns } from "@boocode/limits";
import type { ReadAnswer, ReadWork } from "@boocode/project-tools";
import type { Failpoint, Lanes } from "@boocode/runtime";
import type { Pool } from "@boocode/store";
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyRequest,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { ShareSettings } from "./share-settings.ts";

/** The dependencies of the routes. */
export interface Deps {
  pool: Pool;
  announce: Announce;
  /** Awaited between a commit and its announcement; see FAULT_POINTS. */
  failpoint: Failpoint;
  /** @returns the real path of a directory that may become this user's project; throws `path_not_allowed` or `path_unreadable` */
  checkProjectPath(path: string, userId: string): Promise<string>;
  /** @returns the real path of a directory that may be granted to a user; throws the same */
  checkGrantedPath(path: string): Promise<string>;
  /** The real paths of the folders in which this user's projects may lie. */
  allowedFolders(userId: string): Promise<string[]>;
  /** The real paths of the folders that a user has by USER_ROOTS. */
  ownFolders(slug: string): Promise<string[]>;
  /**
   * Reads of a project's folder for a user. What cannot be read is an answer.
   * @throws ApiError `project_unavailable` when the folder cannot be opened, or its owner is not granted it any more
   */
  readProject<W extends ReadWork>(
    project: { path: string; ownerId: string },
    user: string,
    work: W,
    signal: AbortSignal,
  ): Promise<ReadAnswer<W>>;
  /** Lists the models that users of this role may use; throws `model_server_unavailable`. */
  listModels(role: Role): Promise<ModelList>;
  /** Whether users of this role may use the model that a session names. */
  mayUseModel(name: string, role: Role): Promise<boolean>;
  /** Whether any model is restricted to a role. */
  restrictsModels: boolean;
  /** What the last frame of a turn's attempt says that it waits for; null: nothing, or Redis does not answer at once. */
  readWait(sessionId: string, epoch: Epoch): Promise<LiveWait | null>;
  makeTicket(caller: Caller): Promise<string>;
  findCaller(token: string): Promise<Caller | null>;
  /** The limits of each role. */
  limits: LimitSettings;
  shares: ShareSettings;
  rates: Rates;
  /** In which the turns of each user are queued. */
  posts: Lanes;
  signIns: SignIns;
  /** A request was refused for a reason that the audit log counts. */
  refused(refusal: Refused): void;
}

/** The application; its routes get their types from the schemas of the contracts. */
export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;

const callers = new WeakMap<FastifyRequest, Caller>();

export function setCaller(request: FastifyRequest, caller: Caller): void {
  callers.set(request, caller);
}

/** @returns null for a request without a valid credential, or that has not been authenticated yet */
export function knownCallerOf(request: FastifyRequest): Caller | null {
  return callers.get(request) ?? null;
}

/** The authenticated user, set before any route below `/api` runs. */
export function callerOf(request: FastifyRequest): Caller {
  const caller = callers.get(request);
  if (!caller) throw new Error("this route needs a caller: mount it in the authenticated part of app.ts");
  return caller;
}
