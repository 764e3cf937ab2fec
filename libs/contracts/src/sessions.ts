import { z } from "zod";
import { Id, Name, Timestamp } from "./primitives.ts";
import { cleanText } from "./text.ts";

export const MAX_SYSTEM_PROMPT_LENGTH = 50_000;

/** A model's name is as much of a line as any other. */
const Model = Name;
const SystemPrompt = z.string().max(MAX_SYSTEM_PROMPT_LENGTH).overwrite(cleanText);

export const Session = z
  .object({
    id: Id,
    project_id: Id,
    name: z.string().nullable(),
    /** The model gave the name; false when a person did, or when there is none. */
    auto_named: z.boolean(),
    /** null: the server's default model. */
    model: z.string().nullable(),
    system_prompt: z.string().nullable(),
    /** Raised by every change of the session's structure. */
    version: z.int().nonnegative(),
    /** A turn is waiting or running. */
    busy: z.boolean(),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: "Session" });
export type Session = z.infer<typeof Session>;

export const SessionList = z.object({ sessions: z.array(Session) }).meta({ id: "SessionList" });

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
    /** Whether sessions that name no model get this one. */
    default: z.boolean(),
    server: z.string().optional(),
    /** null: the server does not report it. */
    loaded: z.boolean().nullable().optional(),
  })
  .meta({ id: "ModelInfo" });
export type ModelInfo = z.infer<typeof ModelInfo>;
export const ModelServerState = z
  .object({
    name: z.string(),
    status: z.enum(["ok", "away"]),
    /** Why it is away; null when it is not. */
    error: z.string().nullable(),
  })
  .meta({ id: "ModelServerState" });
export const ModelList = z
  .object({ models: z.array(ModelInfo), servers: z.array(ModelServerState).optional() })
  .meta({ id: "ModelList" });
export type ModelList = z.infer<typeof ModelList>;
