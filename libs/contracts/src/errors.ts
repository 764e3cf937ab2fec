import { z } from "zod";

/** Every error that a REST response can carry: its status, its cause, and whether the same request may be retried. */
export const API_ERRORS = {
  invalid_request: {
    status: 400,
    when: "a body, query, header or path parameter does not match its schema",
    retry: false,
  },
  unauthenticated: {
    status: 401,
    when: "the token is missing, unknown, expired or revoked, or its user is disabled",
    retry: false,
  },
  forbidden: {
    status: 403,
    when: "the token lacks the scope that the route needs, or the user may not do this",
    retry: false,
  },
  model_not_allowed: {
    status: 403,
    when: "users of the caller's role may not use the session's model",
    retry: false,
  },
  not_found: { status: 404, when: "the resource does not exist, or the caller may not read it", retry: false },
  method_not_allowed: {
    status: 405,
    when: "the route does not take this method; the header `Allow` lists those that it takes",
    retry: false,
  },
  session_busy: {
    status: 409,
    when: "the session has a queued or running turn, and `when_busy` is `reject` or the request needs an idle session",
    retry: true,
  },
  nothing_to_regenerate: { status: 409, when: "the session has no answer to regenerate", retry: false },
  not_last_question: {
    status: 409,
    when: "the message is not the last question of the session, or the session has no question",
    retry: false,
  },
  turn_not_finished: {
    status: 409,
    when: "the turn, or one before it, waits or runs",
    retry: false,
  },
  turn_not_waiting: {
    status: 409,
    when: "the turn cannot be withdrawn: a worker has claimed it, or it has ended",
    retry: false,
  },
  name_taken: {
    status: 409,
    when: "another user has the name, or another user has or had the slug",
    retry: false,
  },
  last_administrator: { status: 409, when: "no enabled administrator would be left", retry: false },
  too_many_tokens: {
    status: 409,
    when: "the user has as many live tokens as are allowed; revoke one first",
    retry: false,
  },
  body_too_large: { status: 413, when: "the body exceeds the size limit", retry: false },
  unsupported_media_type: { status: 415, when: "the body is not JSON, or it has a Content-Encoding", retry: false },
  upgrade_required: {
    status: 426,
    when: "a plain request was sent to the path of a WebSocket",
    retry: false,
  },
  idempotency_key_reused: {
    status: 422,
    when: "the Idempotency-Key was already used with a different body",
    retry: false,
  },
  rate_limited: {
    status: 429,
    when: "requests, posts or failed sign-ins came too fast, or an export of the caller runs already; `Retry-After` states when to try again",
    retry: true,
  },
  quota_exceeded: {
    status: 429,
    when: "a limit of the user on what is stored, waits, or is used in a day is reached; `GET /api/me` lists them",
    retry: false,
  },
  session_too_large: {
    status: 422,
    when: "more would be copied than 10,000 messages, or 64 MB as stored; fork at an earlier turn",
    retry: false,
  },
  no_such_user: {
    status: 422,
    when: "no other user who can sign in has this name",
    retry: false,
  },
  too_many_members: { status: 422, when: "the project is shared with as many users as is possible", retry: false },
  too_many_grants: { status: 422, when: "the user has as many grants as are allowed", retry: false },
  path_not_allowed: {
    status: 422,
    when: "the path is not a directory in a folder that was granted to the user; an administrator grants folders",
    retry: false,
  },
  path_unreadable: {
    status: 422,
    when: "the folder was granted, but the service may not read it, or the file or folder in it",
    retry: false,
  },
  project_unavailable: {
    status: 409,
    when: "the project's folder cannot be opened, or its owner is not granted it any more",
    retry: false,
  },
  path_not_found: {
    status: 404,
    when: "the project has nothing at the path, or the path leads out of it",
    retry: false,
  },
  path_withheld: {
    status: 403,
    when: "the path may hold secrets or belongs to the system, so that its content is not shown",
    retry: false,
  },
  not_a_file: { status: 422, when: "the path is that of a folder, pipe, socket or device", retry: false },
  not_a_folder: { status: 422, when: "the path is not that of a folder", retry: false },
  file_binary: { status: 422, when: "the file is not text", retry: false },
  file_too_large: { status: 422, when: "the file is larger than files are that can be read", retry: false },
  read_too_much: { status: 422, when: "the read took more time or memory than one read may", retry: false },
  model_server_unavailable: { status: 502, when: "the model server did not respond", retry: true },
  unavailable: { status: 503, when: "a dependency is unavailable, or the process is shutting down", retry: true },
  internal: { status: 500, when: "an internal error (a bug)", retry: true },
} as const satisfies Record<string, { status: number; when: string; retry: boolean }>;

export type ApiErrorCode = keyof typeof API_ERRORS;

export const ErrorBody = z
  .object({
    error: z.object({
      code: z.enum(Object.keys(API_ERRORS) as [ApiErrorCode, ...ApiErrorCode[]]),
      message: z.string(),
      details: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    }),
  })
  .meta({ id: "Error" });
export type ErrorBody = z.infer<typeof ErrorBody>;

/** Why a turn failed. Stored with the turn and its message, and sent in the `error` frame. */
export const TURN_ERRORS = {
  model_error: "the model server rejected the request or reported an error",
  model_unreachable: "the model server could not be reached",
  model_timeout: "the model server sent nothing within the time-out",
  model_cut: "the model server's stream ended before the answer was complete",
  model_malformed_call: "the model kept making tool calls that its server could not read",
  model_empty: "the model ended without an answer",
  model_loading: "the model did not finish loading within the time-out",
  context_overflow: "the conversation does not fit into the model's context window",
  tool_loop: "tool loop depth exceeded",
  turn_timeout: "the turn exceeded its time limit",
  quota_exceeded: "the user's limit of tokens, tool calls or bytes of this day is reached",
  model_not_allowed: "users of the asker's role may not use the session's model",
  project_unavailable: "the project's folder cannot be opened, or its owner is not granted it any more",
  attempts_exhausted: "the turn was tried as often as is allowed, and its worker died each time",
  internal: "an internal error (a bug)",
} as const satisfies Record<string, string>;

export type TurnErrorCode = keyof typeof TURN_ERRORS;
export const TurnErrorCode = z.enum(Object.keys(TURN_ERRORS) as [TurnErrorCode, ...TurnErrorCode[]]);

export const TurnError = z.object({ code: TurnErrorCode, message: z.string() }).meta({ id: "TurnError" });
export type TurnError = z.infer<typeof TurnError>;
