import type {
  CancelAnswer,
  ChangeProject,
  ChangeSession,
  CreateProject,
  CreateSession,
  LiveTurnList,
  MessageList,
  MessagesDeleted,
  ModelList,
  PostMessage,
  Project,
  Session,
  SocketTicket,
  Turn,
  TurnAccepted,
} from "@boocode/contracts";
import { type ApiRequest, type CallOptions, type RequestDeps, sendRequest } from "./send-request.ts";

/** A request that makes something, once however often it is sent, if it carries a key. */
export interface IdempotentOptions extends CallOptions {
  /** Made up when `retry` is given and this is not. */
  idempotencyKey?: string;
}

export interface Page {
  /** At most so many messages, the newest of the page; whole turns where they fit. */
  limit?: number;
  /** Only messages of turns before this ordinal. */
  before?: number;
}

export type Rest = ReturnType<typeof createRest>;

/** Every route of the API as a function; each throws a `BooCodeError`. */
export function createRest(deps: RequestDeps) {
  const call = <T>(method: ApiRequest["method"], path: string, options?: CallOptions, body?: unknown) =>
    sendRequest<T>(deps, { method, path, body }, options);
  const once = <T>(path: string, options: IdempotentOptions, body?: unknown) => {
    const idempotencyKey = options.idempotencyKey ?? (options.retry ? crypto.randomUUID() : undefined);
    return sendRequest<T>(deps, { method: "POST", path, body, idempotencyKey }, options);
  };

  return {
    listProjects: async (options?: CallOptions): Promise<Project[]> =>
      (await call<{ projects: Project[] }>("GET", "/api/projects", options)).projects,
    createProject: (project: CreateProject, options?: CallOptions) =>
      call<Project>("POST", "/api/projects", options, project),
    getProject: (id: string, options?: CallOptions) => call<Project>("GET", `/api/projects/${id}`, options),
    changeProject: (id: string, change: ChangeProject, options?: CallOptions) =>
      call<Project>("PATCH", `/api/projects/${id}`, options, change),
    deleteProject: (id: string, options?: CallOptions) => call<void>("DELETE", `/api/projects/${id}`, options),

    listSessions: async (projectId: string, options?: CallOptions): Promise<Session[]> =>
      (await call<{ sessions: Session[] }>("GET", `/api/projects/${projectId}/sessions`, options)).sessions,
    createSession: (projectId: string, session: CreateSession = {}, options?: CallOptions) =>
      call<Session>("POST", `/api/projects/${projectId}/sessions`, options, session),
    getSession: (id: string, options?: CallOptions) => call<Session>("GET", `/api/sessions/${id}`, options),
    changeSession: (id: string, change: ChangeSession, options?: CallOptions) =>
      call<Session>("PATCH", `/api/sessions/${id}`, options, change),
    deleteSession: (id: string, options?: CallOptions) => call<void>("DELETE", `/api/sessions/${id}`, options),

    /** The newest messages, or those before a turn; the cursor says up to where their text is complete. */
    listMessages: (sessionId: string, page: Page = {}, options?: CallOptions) =>
      call<MessageList>("GET", `/api/sessions/${sessionId}/messages${query(page)}`, options),
    /** Accepted means stored: the turn runs when it is its turn, and the frames tell. */
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

    /** The turn that runs and those that wait. */
    listTurns: async (sessionId: string, options?: CallOptions): Promise<LiveTurnList["turns"]> =>
      (await call<LiveTurnList>("GET", `/api/sessions/${sessionId}/turns`, options)).turns,
    /** One turn, also one that has ended: how, and why. */
    getTurn: (sessionId: string, turnId: string, options?: CallOptions) =>
      call<Turn>("GET", `/api/sessions/${sessionId}/turns/${turnId}`, options),
    /** Stops the turn that is named, else the one that runs, else the first that waits. */
    cancel: (sessionId: string, turn: { turn_id?: string } = {}, options?: CallOptions) =>
      call<CancelAnswer>("POST", `/api/sessions/${sessionId}/cancel${query(turn)}`, options),
    withdrawTurn: (sessionId: string, turnId: string, options?: CallOptions) =>
      call<CancelAnswer>("DELETE", `/api/sessions/${sessionId}/turns/${turnId}`, options),

    listModels: (options?: CallOptions) => call<ModelList>("GET", "/api/models", options),
    /** A single-use ticket for one WebSocket; a page's server makes it, so that the page never sees the token. */
    makeTicket: (options?: CallOptions) => call<SocketTicket>("POST", "/api/ws-tickets", options),
  };
}

function query(parameters: object): string {
  const pairs = Object.entries(parameters).filter(([, value]) => value !== undefined);
  return pairs.length === 0 ? "" : `?${pairs.map(([name, value]) => `${name}=${value}`).join("&")}`;
}
