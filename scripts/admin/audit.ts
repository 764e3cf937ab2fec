import { parseArgs } from "node:util";
import { AuditQuery } from "@boocode/contracts";
import { listAudit } from "@boocode/store";
import { type Command, userNamed } from "./command.ts";

export const auditCommands: Record<string, Command> = {
  "audit list": {
    usage: "[--user NAME] [--event EVENT] [--limit N] [--before ID]",
    does: "prints the newest security events, a line of JSON each",
    args: { min: 0, max: 8 },
    async run(pool, args) {
      const string = { type: "string" } as const;
      const { values } = parseArgs({ args, options: { user: string, event: string, limit: string, before: string } });
      const { user, ...rest } = values;
      const user_id = user === undefined ? undefined : (await userNamed(pool, user)).id;
      const query = AuditQuery.safeParse({ ...rest, user_id });
      if (!query.success)
        throw new Error(query.error.issues.map((i) => `--${i.path.join(".")}: ${i.message}`).join("\n"));
      for (const event of (await listAudit(pool, query.data)).events) console.log(JSON.stringify(event));
    },
  },
};
