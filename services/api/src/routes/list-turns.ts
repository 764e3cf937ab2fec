import { Id, LiveTurnList } from "@boocode/contracts";
import { listLiveTurns } from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";
import { withHeldWait } from "../held-wait.ts";

export function listTurns(app: App, { pool, readWait }: Deps): void {
  const schema = {
    summary: "List the running and waiting turns of a session, with their positions in its queue",
    params: z.object({ id: Id }),
    response: answers({ 200: LiveTurnList }, "invalid_request", "not_found"),
  };
  app.get("/api/sessions/:id/turns", { schema }, async (request) => {
    const list = found(await listLiveTurns(pool, callerOf(request).userId, request.params.id));
    // Of a session at most one turn was claimed and has not ended (T7): the others cost no further read.
    const turns = await Promise.all(list.turns.map((turn) => withHeldWait(readWait, turn)));
    return { ...list, turns };
  });
}
