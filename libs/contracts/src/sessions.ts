import { z } from "zod";
import { pageEnd, pageQuery } from "./pages.ts";
import { Id, Name, Timestamp } from "./primitives.ts";
import { MATCHES_PER_SESSION, SearchMatch, SearchQuery } from "./search.ts";
import { UserRef } from "./sharing.ts";
import { cleanText } from "./text.ts";

export const MAX_SYSTEM_PROMPT_LENGTH = 50_000;

/** A model's name follows the rules of every other name: one line, 1 to 200 characters. */
const Model = Name;
const SystemPrompt = z.string().max(MAX_SYSTEM_PROMPT_LENGTH).overwrite(cleanText);

/** A model that does not see the tools of its requests, and so answers without having read any code. */
export const ToolsIgnored = z
  .object({
    model: z
      .string()
      .nullable()
      .describe("The model as the session's turns name it; null: the server's default model."),
    reason: z
      .enum(["template", "server"])
      .describe(
        "template: the model's chat template has no place for tools. server: the server counted a prompt without them.",
      ),
  })
  .meta({ id: "ToolsIgnored" });
export type ToolsIgnored = z.infer<typeof ToolsIgnored>;

export const Session = z
  .object({
    id: Id,
    project_id: Id,
    owner: UserRef.optional().describe("The user who created it."),
    name: z.string().nullable(),
    auto_named: z.boolean().describe("Whether the model chose the name; false when a user did, or when there is none."),
    model: z.string().nullable().describe("null: the server's default model."),
    system_prompt: z.string().nullable(),
    tools_ignored: ToolsIgnored.nullable()
      .optional()
      .describe("Set when the model of this session was found to see no tools; a change of the model clears it."),
    version: z.int().nonnegative().describe("Raised by every change of the session's structure."),
    busy: z.boolean().describe("A turn is waiting or running."),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: "Session" });
export type Session = z.infer<typeof Session>;

/** A session in lists and frames: without its system prompt, which may be as long as all the rest of a list. */
export const SessionSummary = Session.omit({ system_prompt: true }).meta({ id: "SessionSummary" });
export type SessionSummary = z.infer<typeof SessionSummary>;

/** A session as an element of a list. */
export const ListedSession = SessionSummary.extend({
  matches: z
    .array(SearchMatch)
    .max(MATCHES_PER_SESSION)
    .optional()
    .describe("With `q`: what was found, the newest first; the session may have more."),
}).meta({ id: "ListedSession" });
export type ListedSession = z.infer<typeof ListedSession>;

export const SessionList = z.object({ sessions: z.array(ListedSession), ...pageEnd }).meta({ id: "SessionList" });
export type SessionList = z.infer<typeof SessionList>;
/** Of more, ten lists at once would delay the requests of others. */
export const SessionQuery = pageQuery(200).extend({ q: SearchQuery.optional() });

export const CreateSession = z
  .strictObject({ name: Name.optional(), model: Model.optional(), system_prompt: SystemPrompt.optional() })
  .meta({ id: "CreateSession" });
export type CreateSession = z.infer<typeof CreateSession>;

export const ChangeSession = z
  .strictObject({
    name: Name.optional(),
    model: Model.nullable().optional(),
    system_prompt: SystemPrompt.nullable().optional(),
  })
  .refine((change) => Object.keys(change).length > 0, "must change something")
  .meta({ id: "ChangeSession" });
export type ChangeSession = z.infer<typeof ChangeSession>;

export const ModelInfo = z
  .object({
    /**
     * The name by which a session selects this model: the server's own name for it, after `server/` if there are several
     * servers.
     */
    id: z.string(),
    name: z.string().nullable(),
    default: z.boolean().describe("Whether sessions that name no model get this one."),
    server: z.string().optional(),
    loaded: z.boolean().nullable().optional().describe("null: the server does not report it."),
  })
  .meta({ id: "ModelInfo" });
export type ModelInfo = z.infer<typeof ModelInfo>;
export const ModelServerState = z
  .object({
    name: z.string(),
    status: z.enum(["ok", "away", "refused"]).describe("refused: the server refused our key."),
    error: z.string().nullable().describe("Why it lists no models; null when it does."),
  })
  .meta({ id: "ModelServerState" });
export const ModelList = z
  .object({ models: z.array(ModelInfo), servers: z.array(ModelServerState).optional() })
  .meta({ id: "ModelList" });
export type ModelList = z.infer<typeof ModelList>;
