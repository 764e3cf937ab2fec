import { UsageQuery, UsageReport } from "@boocode/contracts";
import { readUsage } from "@boocode/store";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { usageReport } from "../usage-report.ts";

export function getUsage(app: App, { pool }: Deps): void {
  const schema = {
    summary: "Add up the tokens that your turns used, also those of what was deleted since",
    querystring: UsageQuery,
    response: answers({ 200: UsageReport }, "invalid_request"),
  };
  app.get("/api/usage", { schema }, (request) =>
    usageReport(request.query, (range) => readUsage(pool, callerOf(request).userId, range)),
  );
}
