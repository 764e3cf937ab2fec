import { z } from "zod";
import { Message } from "./messages.ts";
import { Id, Timestamp } from "./primitives.ts";
import { Session } from "./sessions.ts";

/** A line of `GET /api/me/export`. */
export const ExportLine = z
  .object({
    type: z
      .string()
      .describe(
        "What the row is: `user`, `token`, `project`, `session`, `turn`, `message` and others, which may be added; `end`: the last line.",
      ),
    data: z
      .record(z.string(), z.unknown())
      .describe("The row, by the names of its columns; of the last line, `lines`: how many lines are before it."),
  })
  .meta({ id: "ExportLine" });
export type ExportLine = z.infer<typeof ExportLine>;

export const ExportQuery = z.strictObject({ format: z.enum(["markdown", "json"]).default("markdown") });

/** `GET /api/sessions/:id/export?format=json`. */
export const SessionExport = z
  .object({
    exported_at: Timestamp,
    project: z.object({ id: Id, name: z.string() }),
    session: Session,
    messages: z.array(Message),
  })
  .meta({ id: "SessionExport" });
export type SessionExport = z.infer<typeof SessionExport>;
