import { FileLines, FileQuery, Id } from "@boocode/contracts";
import { z } from "zod";
import { answers } from "../answers.ts";
import type { App, Deps } from "../deps.ts";
import { READ_ERRORS, READS_PROJECT, readOfProject } from "../read-project.ts";

const ERRORS = [
  ...READ_ERRORS,
  ...(["path_not_found", "path_withheld", "path_unreadable", "not_a_file", "file_binary", "file_too_large"] as const),
];

export function getFile(app: App, deps: Deps): void {
  const schema = {
    summary: "Read lines of a text file of a project",
    params: z.object({ id: Id }),
    querystring: FileQuery,
    response: answers({ 200: FileLines }, ...ERRORS),
  };
  app.get("/api/projects/:id/file", { ...READS_PROJECT, schema }, async (request, reply) =>
    readOfProject(deps, [request, reply], request.params.id, { kind: "file", ...request.query }),
  );
}
