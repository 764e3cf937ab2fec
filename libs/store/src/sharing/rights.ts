// PURE
import type { ProjectRole } from "@boocode/contracts";

/** What a user may do with a project that they may read; `docs/security.md` has the same table. */
export type Right =
  /** Create a session, and post a message. */
  | "ask"
  | "cancel turn"
  /** And edit a question. */
  | "regenerate answer"
  /** Rename or delete it, change its model or prompt, or delete messages. */
  | "change session"
  /** Make links to it, and revoke them. */
  | "share session"
  /** Rename, delete or share it. */
  | "change project";

type Extent = "all" | "own" | "none";

/** `own`: only turns for which the user asked, or sessions that the user created. */
const RIGHTS: Record<Right, Record<ProjectRole, Extent>> = {
  ask: { reader: "none", member: "all", owner: "all" },
  "cancel turn": { reader: "none", member: "own", owner: "all" },
  "regenerate answer": { reader: "none", member: "own", owner: "own" },
  "change session": { reader: "none", member: "own", owner: "all" },
  "share session": { reader: "none", member: "own", owner: "all" },
  "change project": { reader: "none", member: "none", owner: "all" },
};

/** The roles that have a right. @param isOwn whether the turn or session is the user's own */
export const rolesWith = (right: Right, isOwn: boolean): ProjectRole[] =>
  (Object.keys(RIGHTS[right]) as ProjectRole[]).filter((role) => roleHas(role, right, isOwn));

/** @param isOwn whether the turn or session is the user's own */
export function roleHas(role: ProjectRole, right: Right, isOwn: boolean): boolean {
  const extent = RIGHTS[right][role];
  return extent === "all" || (extent === "own" && isOwn);
}
