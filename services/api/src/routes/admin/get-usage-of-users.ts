import { UsageQuery, UsageReport } from "@boocode/contracts";
import { readUsageOfUsers } from "@boocode/store";
import { answers } from "../../answers.ts";
import type { App, Deps } from "../../deps.ts";
import { usageReport } from "../../usage-report.ts";

export function getUsageOfUsers(app: App, { pool }: Deps): void {
  const schema = {
    summary: "Add up the tokens that all users' turns used",
    querystring: UsageQuery,
    response: answers({ 200: UsageReport }, "invalid_request"),
  };
  app.get("/api/admin/usage", { schema }, (request) =>
    usageReport(request.query, (range) => readUsageOfUsers(pool, range)),
  );
}
