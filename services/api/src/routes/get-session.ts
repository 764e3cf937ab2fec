import { ErrorBody, Id, Session } from "@boocode/contracts";
import { findSession } from "@boocode/store";
import { z } from "zod";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

export function getSession(app: App, { pool }: Deps): void {
  const schema = { params: z.object({ id: Id }), response: { 200: Session, 404: ErrorBody } };
  app.get("/api/sessions/:id", { schema }, async (request) =>
    found(await findSession(pool, callerOf(request).userId, request.params.id)),
  );
}
