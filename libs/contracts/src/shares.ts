import { z } from "zod";
import { Citation } from "./citations.ts";
import { MessageRole, MessageStatus, ToolCall, ToolResult } from "./messages.ts";
import { pageEnd, wholeList } from "./pages.ts";
import { Id, Timestamp } from "./primitives.ts";
import { UserRef } from "./sharing.ts";

/** Who may read a share: everyone who is signed in and has the link; or anyone with the link, where the host allows that. */
export const ShareAudience = z.enum(["signed_in", "anyone"]);
export type ShareAudience = z.infer<typeof ShareAudience>;

export const CreateShare = z
  .strictObject({
    turn_id: Id.describe("The last turn that is shown. It must have ended, and so must those before it."),
    audience: ShareAudience.default("signed_in").describe("`anyone`: only where the host allows it."),
    expires_in: z
      .int()
      .min(60)
      .optional()
      .describe("In seconds. At most, and by default, what the host has set (`SHARE_MAX_DAYS`, `SHARE_DAYS`)."),
  })
  .meta({ id: "CreateShare" });
export type CreateShare = z.infer<typeof CreateShare>;

export const Share = z
  .object({
    id: Id,
    session_id: Id,
    owner: UserRef.describe("The user who shares."),
    through_turn: z.int().positive().describe("The ordinal of the last turn that is shown."),
    audience: ShareAudience,
    created_at: Timestamp,
    expires_at: Timestamp,
  })
  .meta({ id: "Share" });
export type Share = z.infer<typeof Share>;

/** Only this answer has the token, which is all that a link needs: the server stores its hash. */
export const CreatedShare = Share.extend({ token: z.string() }).meta({ id: "CreatedShare" });
export type CreatedShare = z.infer<typeof CreatedShare>;

export const ShareList = z
  .object({ shares: z.array(Share).describe("Live ones, newest first."), ...wholeList })
  .meta({ id: "ShareList" });
export type ShareList = z.infer<typeof ShareList>;

const ofReaders = "null for those who may not read the project";

/** A message as a share shows it. It has its own schema, so that a new field of a message is not shown to others by itself. */
export const SharedMessage = z
  .object({
    id: Id,
    turn_ordinal: z.int().positive(),
    position: z.int().nonnegative(),
    role: MessageRole.describe("Messages of tools are only shown to those who may read the project."),
    author: z
      .string()
      .nullable()
      .describe("The name of the user who asked; null for other roles, and to readers who are not signed in."),
    content: z.string(),
    citations: z.array(Citation).nullable(),
    status: MessageStatus,
    created_at: Timestamp,
    shortened: z.boolean().optional(),
    reasoning: z.string().nullable().describe(ofReaders),
    tool_calls: z.array(ToolCall).nullable().describe(ofReaders),
    tool_result: ToolResult.nullable().describe(ofReaders),
  })
  .meta({ id: "SharedMessage" });
export type SharedMessage = z.infer<typeof SharedMessage>;

export const SharedSession = z
  .object({
    name: z.string().nullable(),
    owner: z.string().nullable().describe("The name of the user who shares; null to readers who are not signed in."),
    session_id: Id.nullable().describe("null for those who may not read the session itself."),
    expires_at: Timestamp,
    messages: z.array(SharedMessage),
    ...pageEnd,
  })
  .meta({ id: "SharedSession" });
export type SharedSession = z.infer<typeof SharedSession>;
