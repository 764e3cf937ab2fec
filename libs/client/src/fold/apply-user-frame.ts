// PURE
import type { Project, PublishedUserFrame, SessionSummary, UserFrame } from "@boocode/contracts";
import type { BooCodeError } from "../boo-code-error.ts";
import type { Connection } from "./session-view.ts";

/** A user's projects and sessions after a frame. Immutable: the next frame creates a new value. */
export interface UserView {
  /** The newest last, as in REST. */
  readonly projects: readonly Project[];
  /** By project id; in each project, the most recently changed session first. */
  readonly sessions: Readonly<Record<string, readonly SessionSummary[]>>;
  /** The version of the lists, or an older one; null until they are loaded. */
  readonly version: number | null;
  readonly connection: Connection;
  readonly error: BooCodeError | null;
}

export const emptyUserView: UserView = {
  projects: [],
  sessions: {},
  version: null,
  connection: "connecting",
  error: null,
};

/**
 * Applies a frame to a user's lists. Each hint states a project or session as of its version; an older hint is dropped, and a
 * gap requires a reload. A frame of an unknown type is ignored unless it has a version: then it is a change that only REST has.
 */
export function applyUserFrame(
  view: UserView,
  frame: UserFrame,
): { view: UserView; verdict: "applied" | "old" | "reload" } {
  switch (frame.type) {
    case "subscribed":
      return { view, verdict: frame.version === view.version ? "applied" : "reload" };
    case "snapshot":
      return { view, verdict: "reload" };
    case "going_away":
      return { view, verdict: "applied" };
    default:
      return applyHint(view, frame);
  }
}

function applyHint(view: UserView, frame: PublishedUserFrame): ReturnType<typeof applyUserFrame> {
  if (typeof frame.version !== "number") return { view, verdict: "applied" };
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
      // A frame for all who may read the project does not state the user's role in it.
      const { project } = frame;
      return { ...view, projects: view.projects.map((one) => (one.id === project.id ? { ...one, ...project } : one)) };
    }
    case "project_deleted": {
      const { [frame.project_id]: _, ...sessions } = view.sessions;
      return { ...view, projects: view.projects.filter((project) => project.id !== frame.project_id), sessions };
    }
    case "session_created":
    case "session_updated": {
      const { session } = frame;
      const others = view.sessions[session.project_id];
      // If the project is missing, the hint is older than the project's deletion.
      if (!others) return view;
      const list = [...others.filter((one) => one.id !== session.id), session].sort(newestFirst);
      return { ...view, sessions: { ...view.sessions, [session.project_id]: list } };
    }
    case "session_deleted": {
      const list = view.sessions[frame.project_id]?.filter((session) => session.id !== frame.session_id) ?? [];
      return { ...view, sessions: { ...view.sessions, [frame.project_id]: list } };
    }
    default:
      frame satisfies never;
      return null;
  }
}

/** The order of REST. */
const newestFirst = (a: SessionSummary, b: SessionSummary) =>
  b.updated_at.localeCompare(a.updated_at) || a.id.localeCompare(b.id);
