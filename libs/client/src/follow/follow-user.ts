import type { Project, SessionSummary, UserFrame } from "@boocode/contracts";
import { BooCodeError } from "../boo-code-error.ts";
import type { BooCodeClient } from "../create-client.ts";
import { applyUserFrame, emptyUserView, type UserView } from "../fold/apply-user-frame.ts";
import type { Rest } from "../rest/create-rest.ts";
import { createFollower } from "./create-follower.ts";

export interface FollowUserOptions {
  /** Called with every new view, synchronously and in order. */
  onChange?: (view: UserView) => void;
  onFrame?: (frame: UserFrame) => void;
  /** Closes the follower. */
  signal?: AbortSignal;
  /** Load the sessions of these projects only; of all by default. */
  projectIds?: readonly string[];
}

export interface UserFollower {
  readonly view: UserView;
  /** Resolves with the first view that matches. @throws BooCodeError when the follower ends first */
  until(matches: (view: UserView) => boolean, signal?: AbortSignal): Promise<UserView>;
  /** Resolves when no socket, timer or request of the follower is left. */
  close(): Promise<void>;
}

/**
 * Follows a user's lists. REST does not state the version of its lists, so the socket is opened first: lists that are loaded
 * after the gateway has stated a version are of that version or a newer one, and later frames are applied to them in order.
 */
export function followUser(client: BooCodeClient, options: FollowUserOptions = {}): UserFollower {
  const follower = createFollower<UserView, UserFrame>({
    client,
    emptyView: emptyUserView,
    loadsFirst: false,
    target: (view) => `/api/ws/user${view.version === null ? "" : `?cursor=${view.version}`}`,
    async load(_, version, signal) {
      const lists = await loadLists(client, signal, options.projectIds);
      return (current) => ({ ...current, ...lists, version });
    },
    apply: applyUserFrame,
    onChange: options.onChange,
    onFrame: (frame) => options.onFrame?.(frame),
    closeSignal: options.signal,
  });
  return {
    get view() {
      return follower.view;
    },
    until: follower.until,
    close: follower.close,
  };
}

const PARALLEL_REQUESTS = 4;

/**
 * Loads a user's projects and their sessions.
 * @param only the projects whose sessions are loaded; all by default
 * @throws BooCodeError
 */
async function loadLists(
  rest: Rest,
  signal: AbortSignal,
  only?: readonly string[],
): Promise<{ projects: Project[]; sessions: Record<string, SessionSummary[]> }> {
  const projects = await rest.listProjects({ signal });
  const wanted = projects.filter((project) => !only || only.includes(project.id));
  const sessions: Record<string, SessionSummary[]> = {};
  const readers = Array.from({ length: PARALLEL_REQUESTS }, async () => {
    for (let project = wanted.shift(); project; project = wanted.shift()) {
      sessions[project.id] = await rest.listSessions(project.id, { signal }).catch(noneIfDeleted);
    }
  });
  await Promise.all(readers);
  return { projects, sessions };
}

/** A project that was deleted after it was listed has no sessions. */
function noneIfDeleted(error: unknown): SessionSummary[] {
  if (error instanceof BooCodeError && error.code === "not_found") return [];
  throw error;
}
