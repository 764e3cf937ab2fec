import { Id, Session } from "@boocode/contracts";
import { findSession } from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

export function getSession(app: App, { pool }: Deps): void {
  const schema = {
    summary: "Read a session",
    params: z.object({ id: Id }),
    response: answers({ 200: Session }, "invalid_request", "not_found"),
  };
  app.get("/api/sessions/:id", { schema }, async (request) =>
    found(await findSession(pool, callerOf(request).userId, request.params.id)),
  );
}
