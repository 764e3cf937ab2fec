import { Id, LiveTurnList } from "@boocode/contracts";
import { listLiveTurns } from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

export function listTurns(app: App, { pool }: Deps): void {
  const schema = {
    summary: "List the running and waiting turns of a session, with their positions in its queue",
    params: z.object({ id: Id }),
    response: answers({ 200: LiveTurnList }, "invalid_request", "not_found"),
  };
  app.get("/api/sessions/:id/turns", { schema }, async (request) =>
    found(await listLiveTurns(pool, callerOf(request).userId, request.params.id)),
  );
}
