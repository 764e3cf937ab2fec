import { z } from "zod";

export const Alive = z.object({ status: z.literal("ok") }).meta({ id: "Alive" });

/** Why a dependency cannot be used. A proxy may show it to anyone, so the list names no host and holds no secret. */
export const NotReadyReason = z.enum([
  "unreachable",
  "timed_out",
  "starting",
  "authentication_failed",
  "permission_denied",
  "read_only",
  "out_of_memory",
  "disk_full",
  "too_many_connections",
  "busy",
  "wrong_node",
  "database_missing",
  "schema_outdated",
  "failed",
]);
export type NotReadyReason = z.infer<typeof NotReadyReason>;

export const Ready = z
  .object({
    status: z.enum(["ready", "not_ready"]),
    dependencies: z.record(z.string(), z.enum(["ok", "down"])),
    reasons: z
      .record(z.string(), NotReadyReason)
      .optional()
      .describe("Why each dependency that is down is down. Absent when all are ok."),
  })
  .meta({ id: "Ready" });
export type Ready = z.infer<typeof Ready>;
