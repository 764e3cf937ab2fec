import { finished, Readable } from "node:stream";
import { ExportLine } from "@boocode/contracts";
import { bearerToken } from "@boocode/identity";
import * as store from "@boocode/store";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { ApiError } from "../errors.ts";

/** An access that ends ends the export within this time. */
const CHECK_MS = 1_000;
/** The `Retry-After` of an export that is refused because another one runs. */
const RETRY_AFTER_S = 5;

/**
 * Streams at the pace of the client: the next page is read when the last one was taken. An export that fails half-way is cut
 * off, so that its last line is missing. Each process runs one export of a user at a time.
 */
export function exportMe(app: App, { pool, findCaller }: Deps): void {
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
  const exporting = new Set<string>();
  app.get("/api/me/export", { schema }, async (request, reply) => {
    const caller = callerOf(request);
    const { userId } = caller;
    if (exporting.has(userId)) {
      throw new ApiError("rate_limited", "another export of yours is running; try again when it has ended", {
        headers: { "retry-after": String(RETRY_AFTER_S) },
      });
    }
    exporting.add(userId);
    // Also when the client goes away, or the export fails.
    finished(reply.raw, () => exporting.delete(userId));
    await store.recordAudit(pool, { event: "user.exported", actor: caller, userId });
    const token = bearerToken(request.headers.authorization);
    async function* lines() {
      let checkedAt = performance.now();
      for await (const page of store.exportUser(pool, userId)) {
        if (performance.now() - checkedAt > CHECK_MS) {
          if (!token || !(await findCaller(token))) throw new Error("the caller's access ended during an export");
          checkedAt = performance.now();
        }
        yield page;
      }
    }
    return reply
      .type("application/x-ndjson")
      .header("content-disposition", 'attachment; filename="boocode-export.ndjson"')
      .header("cache-control", "no-store")
      .send(Readable.from(lines(), { highWaterMark: 1 }) as never);
  });
}
