import { z } from "zod";

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
