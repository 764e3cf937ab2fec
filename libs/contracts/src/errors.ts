import { z } from "zod";

/** Every error that a REST answer can carry: its status, when it is given, and whether the same request may be sent again. */
export const API_ERRORS = {
  invalid_request: {
    status: 400,
    when: "a body, query, header or path parameter does not fit its schema",
    retry: false,
  },
  unauthenticated: { status: 401, when: "no token, or one that is unknown or revoked", retry: false },
  not_found: { status: 404, when: "no such thing, or it belongs to another user", retry: false },
  session_busy: {
    status: 409,
    when: "the session has a turn waiting or running and the policy is `reject`, or its last answer is not finished",
    retry: true,
  },
  nothing_to_regenerate: { status: 409, when: "the session has no answer to make again", retry: false },
  turn_not_waiting: { status: 409, when: "the turn to withdraw has already been taken or has ended", retry: false },
  body_too_large: { status: 413, when: "the body is over the limit", retry: false },
  unsupported_media_type: { status: 415, when: "the body is not JSON", retry: false },
  idempotency_key_reused: { status: 422, when: "the Idempotency-Key was used before with another body", retry: false },
  path_not_allowed: {
    status: 422,
    when: "a project's path does not exist, is no directory, or lies under no allowed root",
    retry: false,
  },
  model_server_unavailable: { status: 502, when: "the model server did not answer", retry: true },
  unavailable: { status: 503, when: "a dependency is away or the process is stopping", retry: true },
  internal: { status: 500, when: "a defect of ours", retry: true },
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

/** Why a turn failed. Stored on the turn and its message, and told in the `error` frame. */
export const TURN_ERRORS = {
  model_error: "the model server refused the request or broke off",
  model_unreachable: "no connection to the model server",
  model_timeout: "the model server fell silent",
  model_cut: "the stream ended without a whole answer",
  model_loading: "the model was still loading when patience ended",
  context_overflow: "the conversation does not fit into the model's window",
  tool_loop: "tool loop depth exceeded",
  turn_timeout: "the turn took longer than it may",
  project_unavailable: "the project's folder is gone or no longer under an allowed root",
  attempts_exhausted: "every worker that took this turn died",
  internal: "a defect of ours",
} as const satisfies Record<string, string>;

export type TurnErrorCode = keyof typeof TURN_ERRORS;
export const TurnErrorCode = z.enum(Object.keys(TURN_ERRORS) as [TurnErrorCode, ...TurnErrorCode[]]);

export const TurnError = z.object({ code: TurnErrorCode, message: z.string() }).meta({ id: "TurnError" });
export type TurnError = z.infer<typeof TurnError>;
