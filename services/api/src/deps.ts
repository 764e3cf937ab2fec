import type { Announce } from "@boocode/announce";
import type { ModelList } from "@boocode/contracts";
import type { Caller } from "@boocode/identity";
import type { Failpoint } from "@boocode/runtime";
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

/** What the routes need. */
export interface Deps {
  pool: Pool;
  announce: Announce;
  /** Passed between a commit and what is told of it. */
  failpoint: Failpoint;
  /** @returns the real path of a directory that may be a project; throws `path_not_allowed` */
  checkProjectPath(path: string): Promise<string>;
  /** The model server's list; throws `model_server_unavailable`. */
  listModels(): Promise<ModelList>;
  makeTicket(caller: Caller): Promise<string>;
  findCaller(token: string): Promise<Caller | null>;
}

/** The application, whose routes take their types from the contracts' schemas. */
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

/** Who asks: set before any route below `/api` runs. */
export function callerOf(request: FastifyRequest): Caller {
  const caller = callers.get(request);
  if (!caller) throw new Error("a route that needs a caller was mounted outside of the authenticated part");
  return caller;
}
