import { Id, LiveTurnList } from "@boocode/contracts";
import { listLiveTurns } from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

/** The turn that runs and those that wait, each with its place in line. */
export function listTurns(app: App, { pool }: Deps): void {
  const schema = {
    summary: "List the turn that runs and those that wait",
    params: z.object({ id: Id }),
    response: answers({ 200: LiveTurnList }, "invalid_request", "not_found"),
  };
  app.get("/api/sessions/:id/turns", { schema }, async (request) =>
    found(await listLiveTurns(pool, callerOf(request).userId, request.params.id)),
  );
}
