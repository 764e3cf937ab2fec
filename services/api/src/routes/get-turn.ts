import { Id, TurnState } from "@boocode/contracts";
import { findTurn } from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";
import { withHeldWait } from "../held-wait.ts";

/** The only route that shows why a turn failed before its first message. */
export function getTurn(app: App, { pool, readWait }: Deps): void {
  const schema = {
    summary: "Read a turn: its status, and how and why it ended",
    params: z.object({ id: Id, turnId: Id }),
    response: answers({ 200: TurnState }, "invalid_request", "not_found"),
  };
  app.get("/api/sessions/:id/turns/:turnId", { schema }, async (request) => {
    const { id, turnId } = request.params;
    return await withHeldWait(readWait, found(await findTurn(pool, callerOf(request).userId, id, turnId)));
  });
}
