import type {
  CancelAnswer,
  ChangeProject,
  ChangeSession,
  CreatedShare,
  CreatedToken,
  CreateProject,
  CreateSession,
  CreateShare,
  CreateToken,
  EditQuestion,
  FileLines,
  FolderPage,
  ForkSession,
  FoundFiles,
  LiveTurnList,
  Me,
  Member,
  Message,
  MessageList,
  MessagesDeleted,
  ModelList,
  OwnGrantList,
  PostMessage,
  Project,
  ProjectList,
  ReadLines,
  Session,
  SessionList,
  SessionSummary,
  SetMember,
  Share,
  SharedSession,
  ShareList,
  SocketTicket,
  Token,
  Turn,
  TurnAccepted,
  UsageDimension,
  UsageReport,
} from "@boocode/contracts";
import { openDownload } from "./open-download.ts";
import { collectNewestFirst, readPages } from "./read-pages.ts";
import { type ApiRequest, type CallOptions, type RequestDeps, sendRequest } from "./send-request.ts";

/** Options of a request that creates something. With a key, it takes effect once, however often it is sent. */
export interface IdempotentOptions extends CallOptions {
  /** Generated when `retry` is given without it. */
  idempotencyKey?: string;
}

export interface Page {
  /** The page size: the newest messages, in whole turns where they fit into an answer. */
  limit?: number;
  /** The `next_before` of the last answer; or only messages of turns before this ordinal. */
  before?: number | string;
}

export interface ListPage {
  /** The most projects or sessions. */
  limit?: number;
  /** The `next_before` of the last answer. */
  before?: string;
}

export interface UsageRange {
  /** What the groups differ in; the day by default. */
  by?: UsageDimension[];
  /** The first day, as YYYY-MM-DD. Default: 29 days before the last. */
  from?: string;
  /** The last day. Default: today. */
  to?: string;
}

/** The audience is who is signed in unless stated. */
export type CreateShareBody = Omit<CreateShare, "audience"> & Partial<Pick<CreateShare, "audience">>;

export type Rest = ReturnType<typeof createRest>;

/** Every route of the API, those of administrators apart, as a function; each throws a `BooCodeError`. */
export function createRest(deps: RequestDeps) {
  const call = <T>(method: ApiRequest["method"], path: string, options?: CallOptions, body?: unknown) =>
    sendRequest<T>(deps, { method, path, body }, options);
  const once = <T>(path: string, options: IdempotentOptions, body?: unknown) => {
    const idempotencyKey = options.idempotencyKey ?? (options.retry ? crypto.randomUUID() : undefined);
    return sendRequest<T>(deps, { method: "POST", path, body, idempotencyKey }, options);
  };

  async function* projectPages(options?: CallOptions): AsyncGenerator<Project[], void> {
    const read = (before?: string) => call<ProjectList>("GET", `/api/projects${query({ before })}`, options);
    for await (const { projects } of readPages(read)) yield projects;
  }

  async function* sessionPages(projectId: string, options?: CallOptions): AsyncGenerator<SessionSummary[], void> {
    const path = `/api/projects/${projectId}/sessions`;
    const read = (before?: string) => call<SessionList>("GET", `${path}${query({ before })}`, options);
    for await (const { sessions } of readPages(read)) yield sessions;
  }

  async function* allSessionPages(options?: CallOptions): AsyncGenerator<SessionSummary[], void> {
    const read = (before?: string) => call<SessionList>("GET", `/api/sessions${query({ before })}`, options);
    for await (const { sessions } of readPages(read)) yield sessions;
  }

  return {
    /** Who the caller is, what the token permits, and what the caller has used today. */
    getMe: (options?: CallOptions) => call<Me>("GET", "/api/me", options),
    /** The folders in which the caller's projects may lie, each with those below it. */
    listGrants: async (options?: CallOptions): Promise<OwnGrantList["grants"]> =>
      (await call<OwnGrantList>("GET", "/api/me/grants", options)).grants,
    /** The caller's live tokens, without their secrets. */
    listTokens: async (options?: CallOptions): Promise<Token[]> =>
      (await call<{ tokens: Token[] }>("GET", "/api/me/tokens", options)).tokens,
    /** Another token for the caller, which permits no more than the caller's own. Only this answer holds it. */
    createToken: (token: CreateToken, options?: CallOptions) =>
      call<CreatedToken>("POST", "/api/me/tokens", options, token),
    revokeToken: (id: string, options?: CallOptions) => call<void>("DELETE", `/api/me/tokens/${id}`, options),
    /** The tokens that your turns used, by day and more, in a range of days in UTC. */
    getUsage: ({ by, ...range }: UsageRange = {}, options?: CallOptions) =>
      call<UsageReport>("GET", `/api/usage${query({ by: by?.join(), ...range })}`, options),

    /** All projects, oldest first. */
    async listProjects(options?: CallOptions): Promise<Project[]> {
      const pages: Project[][] = [];
      for await (const page of projectPages(options)) pages.unshift(page);
      return pages.flat();
    },
    /** The projects in pages, the newest page first; each with the oldest project first. */
    projectPages,
    /** One page of the projects. */
    listProjectPage: ({ limit, before }: ListPage = {}, options?: CallOptions) =>
      call<ProjectList>("GET", `/api/projects${query({ limit, before })}`, options),
    /** A page of the projects whose names have each term of `q`. It may have fewer than the limit although there are more. */
    searchProjects: (q: string, { limit, before }: ListPage = {}, options?: CallOptions) =>
      call<ProjectList>("GET", `/api/projects${query({ q, limit, before })}`, options),
    createProject: (project: CreateProject, options?: CallOptions) =>
      call<Project>("POST", "/api/projects", options, project),
    getProject: (id: string, options?: CallOptions) => call<Project>("GET", `/api/projects/${id}`, options),
    changeProject: (id: string, change: ChangeProject, options?: CallOptions) =>
      call<Project>("PATCH", `/api/projects/${id}`, options, change),
    deleteProject: (id: string, options?: CallOptions) => call<void>("DELETE", `/api/projects/${id}`, options),

    /** Lines of a text file of a project, as they are now: at most 2,000. */
    getFile: (projectId: string, file: { path: string; first?: number; last?: number }, options?: CallOptions) =>
      call<FileLines>("GET", `/api/projects/${projectId}/file${query(file)}`, options),
    /** A page of a folder; `after` is the `next_after` of the page before. */
    listFolder: (
      projectId: string,
      folder: { path?: string; limit?: number; after?: string } = {},
      options?: CallOptions,
    ) => call<FolderPage>("GET", `/api/projects/${projectId}/tree${query(folder)}`, options),
    /** Files whose path has a text, the most likely first. */
    findFiles: (projectId: string, search: { q: string; limit?: number }, options?: CallOptions) =>
      call<FoundFiles>("GET", `/api/projects/${projectId}/files${query(search)}`, options),

    /** The owner of a project, and the users with whom it is shared. */
    listMembers: async (projectId: string, options?: CallOptions): Promise<Member[]> =>
      (await call<{ members: Member[] }>("GET", `/api/projects/${projectId}/members`, options)).members,
    /** Shares a project with a user, or changes the user's role. */
    setMember: (projectId: string, member: SetMember, options?: CallOptions) =>
      call<Member>("POST", `/api/projects/${projectId}/members`, options, member),
    /** Stops sharing a project with a user; with the caller's id, leaves it. */
    removeMember: (projectId: string, userId: string, options?: CallOptions) =>
      call<void>("DELETE", `/api/projects/${projectId}/members/${userId}`, options),

    /** All sessions of a project, without their system prompts; the one that was used last first. */
    listSessions: (projectId: string, options?: CallOptions): Promise<SessionSummary[]> =>
      collectNewestFirst(() => sessionPages(projectId, options)),
    /** The same in pages. What is used while they are read moves to the first one, and may be in none of those read. */
    sessionPages,
    /** One page of the sessions. */
    listSessionPage: (projectId: string, { limit, before }: ListPage = {}, options?: CallOptions) =>
      call<SessionList>("GET", `/api/projects/${projectId}/sessions${query({ limit, before })}`, options),
    /** All sessions of all projects; the one that was used last first. */
    listAllSessions: (options?: CallOptions): Promise<SessionSummary[]> =>
      collectNewestFirst(() => allSessionPages(options)),
    /** The same in pages, as `sessionPages`. */
    allSessionPages,
    /**
     * A page of the sessions whose name, questions or answers have each term of `q`, with `matches`, the newest match first. It may have
     * fewer than the limit although there are more.
     */
    searchSessions: (
      q: string,
      { projectId, limit, before }: ListPage & { projectId?: string } = {},
      options?: CallOptions,
    ) =>
      call<SessionList>(
        "GET",
        `${projectId === undefined ? "/api" : `/api/projects/${projectId}`}/sessions${query({ q, limit, before })}`,
        options,
      ),
    createSession: (projectId: string, session: CreateSession = {}, options?: CallOptions) =>
      call<Session>("POST", `/api/projects/${projectId}/sessions`, options, session),
    /** A new session of the caller with the messages up to and including a turn. */
    forkSession: (id: string, fork: ForkSession, options: IdempotentOptions = {}) =>
      once<Session>(`/api/sessions/${id}/fork`, options, fork),
    getSession: (id: string, options?: CallOptions) => call<Session>("GET", `/api/sessions/${id}`, options),
    changeSession: (id: string, change: ChangeSession, options?: CallOptions) =>
      call<Session>("PATCH", `/api/sessions/${id}`, options, change),
    deleteSession: (id: string, options?: CallOptions) => call<void>("DELETE", `/api/sessions/${id}`, options),

    /** The newest messages, or those before a turn; their text is complete up to `cursor`. */
    listMessages: (sessionId: string, page: Page = {}, options?: CallOptions) =>
      call<MessageList>("GET", `/api/sessions/${sessionId}/messages${query(page)}`, options),
    /** One message, whole where lists, frames and snapshots shorten it. */
    getMessage: (sessionId: string, messageId: string, options?: CallOptions) =>
      call<Message>("GET", `/api/sessions/${sessionId}/messages/${messageId}`, options),
    /** The lines of one of a message's `citations` as the model read them, also when the file has changed since. */
    getCitation: (sessionId: string, messageId: string, index: number, options?: CallOptions) =>
      call<ReadLines>("GET", `/api/sessions/${sessionId}/messages/${messageId}/citation${query({ index })}`, options),
    /** Accepted means stored. The turn runs when its predecessors have ended; frames report its progress. */
    postMessage: (
      sessionId: string,
      message: { content: string; when_busy?: PostMessage["when_busy"] },
      options: IdempotentOptions = {},
    ) => once<TurnAccepted>(`/api/sessions/${sessionId}/messages`, options, message),
    /** Deletes a message and all that follows it. */
    deleteMessages: (sessionId: string, fromMessageId: string, options?: CallOptions) =>
      call<MessagesDeleted>("DELETE", `/api/sessions/${sessionId}/messages/${fromMessageId}`, options),
    regenerate: (sessionId: string, options: IdempotentOptions = {}) =>
      once<TurnAccepted>(`/api/sessions/${sessionId}/regenerate`, options),
    /** Replaces the last question: cancels its answer, deletes both, and posts the new text. */
    editQuestion: (sessionId: string, edit: EditQuestion, options: IdempotentOptions = {}) =>
      once<TurnAccepted>(`/api/sessions/${sessionId}/edit`, options, edit),

    /** A link to a session up to a turn. Only this answer holds its token. */
    createShare: (sessionId: string, share: CreateShareBody, options?: CallOptions) =>
      call<CreatedShare>("POST", `/api/sessions/${sessionId}/shares`, options, share),
    /** The caller's live shares of a session; as the project's owner, all of them. */
    listShares: async (sessionId: string, options?: CallOptions): Promise<Share[]> =>
      (await call<ShareList>("GET", `/api/sessions/${sessionId}/shares`, options)).shares,
    /** The caller's live shares of all sessions. */
    listOwnShares: async (options?: CallOptions): Promise<Share[]> =>
      (await call<ShareList>("GET", "/api/me/shares", options)).shares,
    revokeShare: (sessionId: string, shareId: string, options?: CallOptions) =>
      call<void>("DELETE", `/api/sessions/${sessionId}/shares/${shareId}`, options),
    /** The newest messages of a shared session, or those before a place. */
    readShare: (token: string, page: Page = {}, options?: CallOptions) =>
      call<SharedSession>("GET", `/api/shares/${encodeURIComponent(token)}${query(page)}`, options),

    /** The running turn and the queued ones. */
    listTurns: async (sessionId: string, options?: CallOptions): Promise<LiveTurnList["turns"]> =>
      (await call<LiveTurnList>("GET", `/api/sessions/${sessionId}/turns`, options)).turns,
    /** One turn; for one that has ended, how and why it ended. */
    getTurn: (sessionId: string, turnId: string, options?: CallOptions) =>
      call<Turn>("GET", `/api/sessions/${sessionId}/turns/${turnId}`, options),
    /** The newest messages of a turn, or those before one; `next_before` of an answer is the `before` of the next page. */
    listTurnMessages: (sessionId: string, turnId: string, page: Page = {}, options?: CallOptions) =>
      call<MessageList>("GET", `/api/sessions/${sessionId}/turns/${turnId}/messages${query(page)}`, options),
    /** Cancels the given turn, else the running one, else the first queued one. */
    cancel: (sessionId: string, turn: { turn_id?: string } = {}, options?: CallOptions) =>
      call<CancelAnswer>("POST", `/api/sessions/${sessionId}/cancel${query(turn)}`, options),
    withdrawTurn: (sessionId: string, turnId: string, options?: CallOptions) =>
      call<CancelAnswer>("DELETE", `/api/sessions/${sessionId}/turns/${turnId}`, options),

    /** All messages of a session as a file, to be read at the caller's pace. */
    exportSession: (sessionId: string, format: "markdown" | "json", options: Pick<CallOptions, "signal"> = {}) =>
      openDownload(deps, `/api/sessions/${sessionId}/export${query({ format })}`, options.signal),
    /** Everything that is stored about the caller: lines of JSON (`ExportLine`), the last one of the type `end`. */
    exportMe: (options: Pick<CallOptions, "signal"> = {}) => openDownload(deps, "/api/me/export", options.signal),
    listModels: (options?: CallOptions) => call<ModelList>("GET", "/api/models", options),
    /** Creates a single-use ticket for one WebSocket. A page's server calls it, so that the page never sees the token. */
    makeTicket: (options?: CallOptions) => call<SocketTicket>("POST", "/api/ws-tickets", options),
  };
}

function query(parameters: object): string {
  const pairs = Object.entries(parameters).filter(([, value]) => value !== undefined);
  return pairs.length === 0 ? "" : `?${pairs.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&")}`;
}
