import { AuditList, AuditQuery } from "@boocode/contracts";
import * as store from "@boocode/store";
import { answers } from "../../answers.ts";
import type { App, Deps } from "../../deps.ts";

export function listAudit(app: App, { pool }: Deps): void {
  const schema = {
    summary: "List the events of the audit log, newest first",
    querystring: AuditQuery,
    response: answers({ 200: AuditList }, "invalid_request"),
  };
  app.get("/api/admin/audit", { schema }, (request) => store.listAudit(pool, request.query));
}
