import { z } from "zod";
import { pageEnd, pageQuery } from "./pages.ts";
import { AbsolutePath, Id, Name, Timestamp } from "./primitives.ts";
import { Excerpt, SearchQuery } from "./search.ts";
import { ProjectRole, UserRef } from "./sharing.ts";

export const Project = z
  .object({
    id: Id,
    name: z.string(),
    path: z.string(),
    added_at: Timestamp,
    last_session_id: Id.nullable(),
    owner: UserRef.optional(),
    role: ProjectRole.optional().describe(
      "The caller's role. Absent in a frame that goes to all who may read the project.",
    ),
  })
  .meta({ id: "Project" });
export type Project = z.infer<typeof Project>;

/** A project as an element of a list. */
export const ListedProject = Project.extend({
  match: Excerpt.optional().describe("With `q`: what was found in the name."),
}).meta({ id: "ListedProject" });
export type ListedProject = z.infer<typeof ListedProject>;

export const ProjectList = z.object({ projects: z.array(ListedProject), ...pageEnd }).meta({ id: "ProjectList" });
export type ProjectList = z.infer<typeof ProjectList>;
/** The path of a project may take 24 KB of JSON. */
export const ProjectQuery = pageQuery(200).extend({ q: SearchQuery.optional() });

export const CreateProject = z
  .strictObject({
    name: Name,
    path: AbsolutePath.describe("Must be a directory in a folder that the user was granted."),
  })
  .meta({ id: "CreateProject" });
export type CreateProject = z.infer<typeof CreateProject>;

export const ChangeProject = z.strictObject({ name: Name }).meta({ id: "ChangeProject" });
export type ChangeProject = z.infer<typeof ChangeProject>;
