import { FileSearchQuery, FoundFiles, Id } from "@boocode/contracts";
import { z } from "zod";
import { answers } from "../answers.ts";
import type { App, Deps } from "../deps.ts";
import { READ_ERRORS, READS_PROJECT, readOfProject } from "../read-project.ts";

export function findFiles(app: App, deps: Deps): void {
  const schema = {
    summary: "Find files of a project by a part of their path, as for the completion of a name",
    params: z.object({ id: Id }),
    querystring: FileSearchQuery,
    response: answers({ 200: FoundFiles }, ...READ_ERRORS),
  };
  app.get("/api/projects/:id/files", { ...READS_PROJECT, schema }, async (request, reply) => {
    const { q, limit } = request.query;
    return await readOfProject(deps, [request, reply], request.params.id, { kind: "names", text: q, limit });
  });
}
