import type { CancelAnswer, LiveTurnList, MessageList, Project, Session, TurnAccepted } from "@boocode/contracts";

interface Answer<T> {
  status: number;
  body: T;
}

/** Plain HTTP requests, without the client library. */
export interface Rest {
  request<T = unknown>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer<T>>;
  project(path: string): Promise<Project>;
  session(projectId: string, body?: object): Promise<Session>;
  post(sessionId: string, content: string, more?: object, key?: string): Promise<TurnAccepted>;
  messages(sessionId: string): Promise<MessageList>;
  cancel(sessionId: string, turnId?: string): Promise<CancelAnswer>;
  turns(sessionId: string): Promise<LiveTurnList["turns"]>;
}

export function createRest(apiUrl: () => string, token: string): Rest {
  async function request<T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const response = await fetch(apiUrl() + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: (text === "" ? null : JSON.parse(text)) as T };
  }

  async function expectOk<T>(answer: Promise<Answer<T>>): Promise<T> {
    const { status, body } = await answer;
    if (status >= 300) throw new Error(`unexpected ${status}: ${JSON.stringify(body)}`);
    return body;
  }

  return {
    request,
    project: (path) => expectOk(request("POST", "/api/projects", { name: "a project", path })),
    session: (projectId, body = {}) => expectOk(request("POST", `/api/projects/${projectId}/sessions`, body)),
    post: (sessionId, content, more = {}, key) =>
      expectOk(
        request(
          "POST",
          `/api/sessions/${sessionId}/messages`,
          { content, ...more },
          key === undefined ? {} : { "idempotency-key": key },
        ),
      ),
    messages: (sessionId) => expectOk(request("GET", `/api/sessions/${sessionId}/messages`)),
    cancel: (sessionId, turnId) =>
      expectOk(request("POST", `/api/sessions/${sessionId}/cancel${turnId ? `?turn_id=${turnId}` : ""}`)),
    turns: async (sessionId) =>
      (await expectOk(request<LiveTurnList>("GET", `/api/sessions/${sessionId}/turns`))).turns,
  };
}
