import { ExportLine } from "@boocode/contracts";
import * as store from "@boocode/store";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { createExporter } from "../stream-export.ts";

export function exportMe(app: App, deps: Deps): void {
  const { pool } = deps;
  const exporter = createExporter(deps);
  const schema = {
    summary: "Export everything that is stored about the caller, as lines of JSON",
    response: {
      ...answers({}),
      200: {
        description:
          "One line for each row, and a last one of the type `end`; without that one the export is not complete. What was " +
          "deleted is not in it. Each part is consistent by itself; what changes during the export may be in it or not.",
        content: { "application/x-ndjson": { schema: ExportLine } },
      },
    },
  };
  app.get("/api/me/export", { schema }, async (request, reply) => {
    const caller = callerOf(request);
    const { userId } = caller;
    exporter.begin(request, reply);
    await store.recordAudit(pool, { event: "user.exported", actor: caller, userId });
    const file = { name: "boocode-export.ndjson", type: "application/x-ndjson" };
    return exporter.send(request, reply, file, store.exportUser(pool, userId));
  });
}
