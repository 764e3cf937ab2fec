// PURE
import type { Project, PublishedUserFrame, SessionSummary, UserFrame } from "@boocode/contracts";
import type { BooCodeError } from "../boo-code-error.ts";
import type { Connection } from "./session-view.ts";

/** Where the loaded part of a list ends. */
export interface ListRest {
  /** The `next_before` of its last page. */
  readonly before: string;
  /** When the last session of that page was used; "" in the list of projects. */
  readonly oldest: string;
}

/** A user's projects and sessions after a frame. Immutable: the next frame creates a new value. */
export interface UserView {
  /** The newest last, as in REST. */
  readonly projects: readonly Project[];
  /** By the id of each project whose list is open; in each, the most recently used session first. */
  readonly sessions: Readonly<Record<string, readonly SessionSummary[]>>;
  /** What is not loaded of the list of projects, and of each list of sessions; null: nothing, the list is whole. */
  readonly more: { readonly projects: ListRest | null; readonly sessions: Readonly<Record<string, ListRest | null>> };
  /** The version of the lists, or an older one; null until they are loaded. */
  readonly version: number | null;
  readonly connection: Connection;
  readonly error: BooCodeError | null;
}

export const emptyUserView: UserView = {
  projects: [],
  sessions: {},
  more: { projects: null, sessions: {} },
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
      const more = { ...view.more, sessions: { [project.id]: null, ...view.more.sessions } };
      return { ...view, projects: [...others, project], sessions: { [project.id]: [], ...view.sessions }, more };
    }
    case "project_updated": {
      // A frame for all who may read the project does not state the user's role in it.
      const { project } = frame;
      return { ...view, projects: view.projects.map((one) => (one.id === project.id ? { ...one, ...project } : one)) };
    }
    case "project_deleted": {
      const projects = view.projects.filter((project) => project.id !== frame.project_id);
      return { ...closeSessions(view, frame.project_id), projects };
    }
    case "session_created":
    case "session_updated": {
      const { session } = frame;
      const others = view.sessions[session.project_id];
      // The list is not open, or the hint is older than the project's deletion.
      if (!others) return view;
      // The model named a session in the part that is not loaded: shown, it would hide that others are missing before it.
      const rest = view.more.sessions[session.project_id];
      const isShown = !rest || session.updated_at >= rest.oldest;
      const list = [...others.filter((one) => one.id !== session.id), ...(isShown ? [session] : [])].sort(newestFirst);
      return { ...view, sessions: { ...view.sessions, [session.project_id]: list } };
    }
    case "session_deleted": {
      const list = view.sessions[frame.project_id]?.filter((session) => session.id !== frame.session_id);
      if (!list) return view;
      return { ...view, sessions: { ...view.sessions, [frame.project_id]: list } };
    }
    default:
      frame satisfies never;
      return null;
  }
}

/** Removes the list of a project's sessions. */
export function closeSessions(view: UserView, projectId: string): UserView {
  const { [projectId]: _, ...sessions } = view.sessions;
  const { [projectId]: __, ...rests } = view.more.sessions;
  return { ...view, sessions, more: { ...view.more, sessions: rests } };
}

/** A page of a project's sessions. */
export interface SessionPage {
  sessions: readonly SessionSummary[];
  rest: ListRest | null;
}

/**
 * Adds a page to the list of a project, or opens the list.
 * @param since the frames that were applied since the page was asked for: it may be older than they are, or newer
 */
export function addSessions(
  view: UserView,
  projectId: string,
  { sessions, rest }: SessionPage,
  since: readonly PublishedUserFrame[],
): UserView {
  const ids = new Set(sessions.map(({ id }) => id));
  const shown = (view.sessions[projectId] ?? []).filter(({ id }) => !ids.has(id));
  const added = {
    ...view,
    sessions: { ...view.sessions, [projectId]: [...shown, ...sessions].sort(newestFirst) },
    more: { ...view.more, sessions: { ...view.more.sessions, [projectId]: rest } },
  };
  const ofProject = (frame: PublishedUserFrame) =>
    ("session" in frame ? frame.session.project_id : "project_id" in frame ? frame.project_id : "") === projectId;
  return since.filter(ofProject).reduce<UserView>((before, frame) => fold(before, frame) ?? before, added);
}

/** Adds a page of older projects. @param since as in `addSessions` */
export function addProjects(
  view: UserView,
  { projects, rest }: { projects: readonly Project[]; rest: ListRest | null },
  since: readonly PublishedUserFrame[],
): UserView {
  const ids = new Set(view.projects.map(({ id }) => id));
  const more = { ...view.more, projects: rest };
  const added = { ...view, projects: [...projects.filter(({ id }) => !ids.has(id)), ...view.projects], more };
  const changes = since.filter(({ type }) => type === "project_updated" || type === "project_deleted");
  return changes.reduce<UserView>((before, frame) => fold(before, frame) ?? before, added);
}

/** The order of REST. */
const newestFirst = (a: SessionSummary, b: SessionSummary) =>
  b.updated_at.localeCompare(a.updated_at) || a.id.localeCompare(b.id);
