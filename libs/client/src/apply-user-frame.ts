// PURE
import type { PublishedUserFrame, Session } from "@boocode/contracts";
import type { UserView } from "./user-view.ts";

/**
 * What a hint frame makes of the lists. Each states a thing as of its version; an older one says nothing new, and behind a
 * gap only REST knows.
 */
export function applyUserFrame(
  view: UserView,
  frame: PublishedUserFrame,
): { view: UserView; verdict: "applied" | "old" | "reload" } {
  if (view.version === null) return { view, verdict: "reload" };
  if (frame.version <= view.version) return { view, verdict: "old" };
  const folded = frame.version === view.version + 1 ? fold(view, frame) : null;
  return folded ? { view: { ...folded, version: frame.version }, verdict: "applied" } : { view, verdict: "reload" };
}

/** @returns null for a type that is newer than this library */
function fold(view: UserView, frame: PublishedUserFrame): UserView | null {
  switch (frame.type) {
    case "project_created": {
      const { project } = frame;
      const others = view.projects.filter((one) => one.id !== project.id);
      return { ...view, projects: [...others, project], sessions: { [project.id]: [], ...view.sessions } };
    }
    case "project_updated": {
      const { project } = frame;
      return { ...view, projects: view.projects.map((one) => (one.id === project.id ? project : one)) };
    }
    case "project_deleted": {
      const { [frame.project_id]: _, ...sessions } = view.sessions;
      return { ...view, projects: view.projects.filter((project) => project.id !== frame.project_id), sessions };
    }
    case "session_created":
    case "session_updated": {
      const { session } = frame;
      const others = view.sessions[session.project_id];
      // A hint about a project that is gone is older than its deletion.
      if (!others) return view;
      const list = [...others.filter((one) => one.id !== session.id), session].sort(newestFirst);
      return { ...view, sessions: { ...view.sessions, [session.project_id]: list } };
    }
    case "session_deleted": {
      const list = view.sessions[frame.project_id]?.filter((session) => session.id !== frame.session_id) ?? [];
      return { ...view, sessions: { ...view.sessions, [frame.project_id]: list } };
    }
    default:
      return null;
  }
}

/** The order of REST. */
const newestFirst = (a: Session, b: Session) => b.updated_at.localeCompare(a.updated_at) || a.id.localeCompare(b.id);
