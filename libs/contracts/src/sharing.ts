import { z } from "zod";
import { wholeList } from "./pages.ts";
import { Id, Timestamp } from "./primitives.ts";

/** What a user may do with a project; docs/security.md has the table. */
export const ProjectRole = z.enum(["reader", "member", "owner"]);
export type ProjectRole = z.infer<typeof ProjectRole>;

/** A user, as other users of a project see one. */
export const UserRef = z.object({ id: Id, name: z.string() }).meta({ id: "UserRef" });
export type UserRef = z.infer<typeof UserRef>;

export const Member = z
  .object({ id: Id, name: z.string(), role: ProjectRole, added_at: Timestamp })
  .meta({ id: "Member" });
export type Member = z.infer<typeof Member>;

export const MemberList = z
  .object({ members: z.array(Member).describe("The owner first, then the others by name."), ...wholeList })
  .meta({ id: "MemberList" });

export const SetMember = z
  .strictObject({
    name: z.string().min(1).max(500).describe("The exact name of the user."),
    role: ProjectRole.exclude(["owner"]),
  })
  .meta({ id: "SetMember" });
export type SetMember = z.infer<typeof SetMember>;

/** With how many users a project can be shared: their list is one answer. */
export const MAX_MEMBERS = 2_000;
