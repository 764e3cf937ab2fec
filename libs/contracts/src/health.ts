import { z } from "zod";

export const Alive = z.object({ status: z.literal("ok") }).meta({ id: "Alive" });
export const Ready = z
  .object({
    status: z.enum(["ready", "not_ready"]),
    dependencies: z.record(z.string(), z.enum(["ok", "down"])),
  })
  .meta({ id: "Ready" });
export type Ready = z.infer<typeof Ready>;
