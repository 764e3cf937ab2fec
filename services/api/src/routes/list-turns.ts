import { ErrorBody, Id, WaitingTurnList } from "@boocode/contracts";
import { listLiveTurns } from "@boocode/store";
import { z } from "zod";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

/** The turn that runs and those that wait, each with its place in line. */
export function listTurns(app: App, { pool }: Deps): void {
  const schema = { params: z.object({ id: Id }), response: { 200: WaitingTurnList, 404: ErrorBody } };
  app.get("/api/sessions/:id/turns", { schema }, async (request) =>
    found(await listLiveTurns(pool, callerOf(request).userId, request.params.id)),
  );
}
