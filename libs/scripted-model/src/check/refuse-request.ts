import type { Quirks } from "../script.ts";
import { isObject } from "./is-object.ts";

export interface Refusal {
  status: number;
  body: unknown;
}

const NINE = /^[A-Za-z0-9]{9}$/;

/** @returns the error with which a server with these quirks rejects a request, in its original wording; null if it accepts */
export function refuseRequest(body: unknown, quirks: Quirks): Refusal | null {
  const { messages, stream_options, parallel_tool_calls, max_tokens, max_completion_tokens } = isObject(body)
    ? body
    : {};
  if (quirks.no_stream_options && stream_options !== undefined) {
    return {
      status: 422,
      body: { detail: [{ loc: ["body", "stream_options"], msg: "Extra inputs are not permitted" }] },
    };
  }
  if (quirks.answer_limit !== "max_tokens" && max_tokens !== undefined) {
    const cure = quirks.answer_limit === "none" ? "" : " Use 'max_completion_tokens' instead.";
    return badRequest(`Unsupported parameter: 'max_tokens' is not supported with this model.${cure}`);
  }
  if (quirks.answer_limit === "none" && max_completion_tokens !== undefined)
    return badRequest("Unrecognized request argument supplied: max_completion_tokens");
  const replies = (Array.isArray(messages) ? messages : []).filter(isObject).filter(({ role }) => role === "assistant");
  const calling = replies.filter(({ tool_calls }) => Array.isArray(tool_calls) && tool_calls.length > 0);
  if (quirks.replayed_reasoning === "required" && calling.some((message) => !message.reasoning_content)) {
    return badRequest("The `reasoning_content` in the thinking mode must be passed back to the API.");
  }
  if (quirks.replayed_reasoning === "refused" && replies.some((message) => "reasoning_content" in message)) {
    return {
      status: 422,
      body: { detail: [{ type: "extra_forbidden", loc: ["body", "messages", "reasoning_content"] }] },
    };
  }
  const groups = calling.map(({ tool_calls }) => tool_calls as unknown[]);
  if (quirks.single_tool_calls && (parallel_tool_calls === true || groups.some((group) => group.length > 1))) {
    const message = "Jinja Exception: This model only supports single tool-calls at once!";
    return { status: 500, body: { error: { code: 500, message, type: "server_error" } } };
  }
  const ids = groups.flat().map((call) => (isObject(call) ? String(call.id) : ""));
  const odd = ids.find((id) => !NINE.test(id));
  if (quirks.nine_character_ids && odd !== undefined) {
    return badRequest(`Tool call id was ${odd} but must be a-z, A-Z, 0-9, with a length of 9.`);
  }
  return null;
}

const badRequest = (message: string): Refusal => ({
  status: 400,
  body: { error: { message, type: "invalid_request_error", param: null, code: null } },
});
