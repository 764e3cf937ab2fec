import type { ApiErrorCode } from "@boocode/contracts";
import {
  openProject,
  ProjectUnavailable,
  type ReadRefusal,
  type ReadWork,
  type ToolPool,
} from "@boocode/project-tools";
import { findProject } from "@boocode/store";
import type { FastifyReply, FastifyRequest } from "fastify";
import { callerOf, type Deps } from "./deps.ts";
import { ApiError, found } from "./errors.ts";

// What the routes that read a project's files share.

/** The options of such a route, besides its schema: its requests count as reads. */
export const READS_PROJECT = { config: { counts: "reads_per_minute" as const } };

/** The error code for each reason why nothing was read. */
const CODES = {
  missing: "path_not_found",
  withheld: "path_withheld",
  denied: "path_unreadable",
  not_a_file: "not_a_file",
  not_a_folder: "not_a_folder",
  binary: "file_binary",
  too_large: "file_too_large",
  too_much: "read_too_much",
  replaced: "project_unavailable",
  busy: "unavailable",
  failed: "internal",
} as const satisfies Record<ReadRefusal, ApiErrorCode>;

/** The error codes of every such route. */
export const READ_ERRORS = ["not_found", "project_unavailable", "read_too_much"] as const;

/** @returns what the routes read projects with: processes of a pool, which see only what the project's owner may use now */
export function createProjectReader(
  pool: Pick<ToolPool, "read">,
  { allowedFolders, own }: Pick<Deps, "allowedFolders"> & { own: Parameters<typeof openProject>[1]["own"] },
): Deps["readProject"] {
  return async ({ path, ownerId }, user, work, signal) => {
    const rules = { allowed: () => allowedFolders(ownerId), own };
    const opened = await openProject({ kind: "path", path }, rules).catch((cause: unknown) => {
      throw cause instanceof ProjectUnavailable ? new ApiError("project_unavailable", undefined, { cause }) : cause;
    });
    try {
      return await pool.read(work, { user, project: opened.folder }, signal);
    } finally {
      await opened.close();
    }
  };
}

/**
 * Reads of a project that the caller may read. The read ends when the client goes away.
 * @throws ApiError
 */
export async function readOfProject<W extends ReadWork>(
  { pool, readProject }: Pick<Deps, "pool" | "readProject">,
  [request, reply]: [FastifyRequest, FastifyReply],
  projectId: string,
  work: W,
) {
  const { userId } = callerOf(request);
  const { path, owner } = found(await findProject(pool, userId, projectId));
  const gone = new AbortController();
  const abort = () => gone.abort(new ApiError("invalid_request", "the client has gone away"));
  // It may be gone already: then nothing says so any more.
  if (reply.raw.destroyed) abort();
  else reply.raw.once("close", abort);
  const answer = await readProject({ path, ownerId: owner?.id ?? userId }, userId, work, gone.signal);
  if ("refused" in answer) throw new ApiError(CODES[answer.refused]);
  return answer;
}
