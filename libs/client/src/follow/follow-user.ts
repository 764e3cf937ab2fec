import type { Project, PublishedUserFrame, SessionSummary, UserFrame } from "@boocode/contracts";
import { BooCodeError } from "../boo-code-error.ts";
import type { BooCodeClient } from "../create-client.ts";
import {
  addProjects,
  addSessions,
  applyUserFrame,
  closeSessions,
  emptyUserView,
  type ListRest,
  type SessionPage,
  type UserView,
} from "../fold/apply-user-frame.ts";
import { createFollower } from "./create-follower.ts";

export interface FollowUserOptions {
  /** Called with every new view, synchronously and in order. */
  onChange?: (view: UserView) => void;
  onFrame?: (frame: UserFrame) => void;
  /** Closes the follower. */
  signal?: AbortSignal;
  /** Open the lists of sessions of these projects only; of all loaded projects by default. `loadMore` opens others. */
  projectIds?: readonly string[];
  /** The limit of sessions or projects in a page. Absent: the default of the server. */
  pageSize?: number;
}

export interface UserFollower {
  readonly view: UserView;
  /** Resolves with the first view that matches. @throws BooCodeError when the follower ends first */
  until(matches: (view: UserView) => boolean, signal?: AbortSignal): Promise<UserView>;
  /**
   * Loads the next page of the sessions of a project, the first one if the list is not open; without an id, of the projects. Does
   * nothing when the list is whole. @throws BooCodeError
   */
  loadMore(projectId?: string): Promise<void>;
  /** Resolves when no socket, timer or request of the follower is left. */
  close(): Promise<void>;
}

/**
 * Follows a user's lists. REST does not state the version of its lists, so the socket is opened first: lists that are loaded
 * after the gateway has stated a version are of that version or a newer one, and later frames are applied to them in order.
 * Of each list the first page is loaded, and others with `loadMore`; after a gap, as much as was shown.
 */
export function followUser(client: BooCodeClient, options: FollowUserOptions = {}): UserFollower {
  const lists = createLists(client, options);
  /** For each page that is being loaded, the frames that were applied meanwhile. */
  const loading = new Set<PublishedUserFrame[]>();
  /** How often all lists were loaded. */
  let loads = 0;
  const follower = createFollower<UserView, UserFrame>({
    client,
    emptyView: emptyUserView,
    loadsFirst: false,
    target: (view) => `/api/ws/user${view.version === null ? "" : `?cursor=${view.version}`}`,
    async load(view, version, signal) {
      const loaded = await lists.loadAgain(view, signal);
      return (current) => {
        loads += 1;
        return { ...current, ...loaded, version };
      };
    },
    apply(view, frame) {
      const applied = applyUserFrame(view, frame);
      const isClosed = frame.type === "project_created" && !lists.isOpen(frame.project.id);
      return isClosed ? { ...applied, view: closeSessions(applied.view, frame.project.id) } : applied;
    },
    onChange: options.onChange,
    onFrame: (frame, verdict) => {
      if (verdict === "applied") for (const since of loading) since.push(frame as PublishedUserFrame);
      options.onFrame?.(frame);
    },
    closeSignal: options.signal,
  });

  /** @param add adds what was read to the view as it is then */
  async function load<T>(
    read: () => Promise<T>,
    add: (view: UserView, page: T, since: PublishedUserFrame[]) => UserView,
  ) {
    const since: PublishedUserFrame[] = [];
    const before = loads;
    loading.add(since);
    try {
      const page = await read();
      // All lists were loaded meanwhile: the page continues what is no longer there.
      if (loads === before) follower.change((view) => add(view, page, since));
    } finally {
      loading.delete(since);
    }
  }

  async function loadMore(projectId?: string): Promise<void> {
    const view = await follower.until(({ version }) => version !== null);
    const signal = follower.ended;
    if (projectId !== undefined) {
      lists.open(projectId);
      const rest = view.more.sessions[projectId];
      if (rest === null) return;
      const read = () => lists.readSessions(projectId, 1, signal, rest?.before);
      return await load(read, (now, page, since) => (page ? addSessions(now, projectId, page, since) : now));
    }
    const rest = view.more.projects;
    if (!rest) return;
    const known = new Set(view.projects.map(({ id }) => id));
    await load(() => lists.readProjects(1, signal, rest.before), addProjects);
    const added = follower.view.projects.filter(({ id }) => !known.has(id) && lists.isOpen(id));
    await inParallel(added, async ({ id }) => (id in follower.view.sessions ? undefined : await loadMore(id)));
  }

  return {
    get view() {
      return follower.view;
    },
    until: follower.until,
    loadMore,
    close: follower.close,
  };
}

/** The lists as REST has them, and which of them are open. */
function createLists(client: BooCodeClient, { projectIds, pageSize }: FollowUserOptions) {
  const opened = new Set(projectIds);
  const isOpen = (id: string) => projectIds === undefined || opened.has(id);

  /** Reads pages until there are so many. @returns null when there is no such project */
  async function readSessions(
    projectId: string,
    count: number,
    signal: AbortSignal,
    before?: string,
  ): Promise<SessionPage | null> {
    const sessions: SessionSummary[] = [];
    try {
      for (let from = before; ; ) {
        const page = await client.listSessionPage(projectId, { limit: pageSize, before: from }, { signal });
        sessions.push(...page.sessions);
        const rest = restOf(page, page.sessions.at(-1)?.updated_at ?? "");
        if (!rest || rest.before === from || sessions.length >= count) return { sessions: unique(sessions), rest };
        from = rest.before;
      }
    } catch (error) {
      // It was deleted after it was listed.
      if (error instanceof BooCodeError && error.code === "not_found") return null;
      throw error;
    }
  }

  async function readProjects(count: number, signal: AbortSignal, before?: string) {
    const projects: Project[] = [];
    for (let from = before; ; ) {
      const page = await client.listProjectPage({ limit: pageSize, before: from }, { signal });
      projects.unshift(...page.projects);
      const rest = restOf(page, "");
      if (!rest || rest.before === from || projects.length >= count) return { projects: unique(projects), rest };
      from = rest.before;
    }
  }

  return {
    isOpen,
    open: (id: string) => void opened.add(id),
    readSessions,
    readProjects,
    /** Loads as much of each open list as is shown. */
    async loadAgain(view: UserView, signal: AbortSignal): Promise<Pick<UserView, "projects" | "sessions" | "more">> {
      const { projects, rest } = await readProjects(Math.max(1, view.projects.length), signal);
      const ids = new Set([...projects.map(({ id }) => id).filter(isOpen), ...opened]);
      const sessions: Record<string, readonly SessionSummary[]> = {};
      const rests: Record<string, ListRest | null> = {};
      await inParallel([...ids], async (id) => {
        const page = await readSessions(id, Math.max(1, view.sessions[id]?.length ?? 0), signal);
        if (page) [sessions[id], rests[id]] = [page.sessions, page.rest];
      });
      return { projects, sessions, more: { projects: rest, sessions: rests } };
    },
  };
}

/** Servers of an earlier version state no end: their lists are whole. */
const restOf = (
  { has_more, next_before }: { has_more?: boolean; next_before?: string | null },
  oldest: string,
): ListRest | null => (has_more && next_before ? { before: next_before, oldest } : null);

/** What moves while pages are read can be in two of them; the later one is newer. */
const unique = <T extends { id: string }>(rows: readonly T[]): T[] => [
  ...new Map(rows.map((row) => [row.id, row])).values(),
];

const PARALLEL_REQUESTS = 4;

async function inParallel<T>(all: readonly T[], act: (one: T) => Promise<unknown>): Promise<void> {
  const left = [...all];
  const take = async () => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) await act(one);
  };
  await Promise.all(Array.from({ length: PARALLEL_REQUESTS }, take));
}
