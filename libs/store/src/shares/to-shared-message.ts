// PURE
import type { Message, SharedMessage } from "@boocode/contracts";

/** What of a message a reader of a share is shown. Calls, reasoning and outputs quote the project's code. */
export function toSharedMessage(
  { id, turn_ordinal, position, role, author, content, citations, status, created_at, shortened, ...message }: Message,
  { mayReadProject, isSignedIn }: { mayReadProject: boolean; isSignedIn: boolean },
): SharedMessage {
  return {
    ...{ id, turn_ordinal, position, role, content, status, created_at, citations: citations ?? null },
    ...(shortened !== undefined && { shortened }),
    author: (isSignedIn && author?.name) || null,
    reasoning: mayReadProject ? message.reasoning : null,
    tool_calls: mayReadProject ? message.tool_calls : null,
    tool_result: mayReadProject ? message.tool_result : null,
  };
}
