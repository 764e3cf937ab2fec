import { z } from "zod";
import { Id, Name, Timestamp } from "./primitives.ts";

export const MAX_SYSTEM_PROMPT_LENGTH = 50_000;

const Model = z.string().trim().min(1).max(200);
const SystemPrompt = z.string().max(MAX_SYSTEM_PROMPT_LENGTH);

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
  .object({ id: z.string(), name: z.string().nullable(), default: z.boolean() })
  .meta({ id: "ModelInfo" });
export const ModelList = z.object({ models: z.array(ModelInfo) }).meta({ id: "ModelList" });
export type ModelList = z.infer<typeof ModelList>;
