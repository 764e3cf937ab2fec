import { FolderPage, FolderQuery, Id } from "@boocode/contracts";
import { z } from "zod";
import { answers } from "../answers.ts";
import type { App, Deps } from "../deps.ts";
import { READ_ERRORS, READS_PROJECT, readOfProject } from "../read-project.ts";

/** A folder of the service itself is withheld, too. */
const ERRORS = ["path_not_found", "path_withheld", "path_unreadable", "not_a_folder"] as const;

export function listFolder(app: App, deps: Deps): void {
  const schema = {
    summary: "List a folder of a project",
    params: z.object({ id: Id }),
    querystring: FolderQuery,
    response: answers({ 200: FolderPage }, ...READ_ERRORS, ...ERRORS),
  };
  app.get("/api/projects/:id/tree", { ...READS_PROJECT, schema }, async (request, reply) =>
    readOfProject(deps, [request, reply], request.params.id, { kind: "folder", ...request.query }),
  );
}
