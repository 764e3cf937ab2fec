import { Id } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { ApiError } from "../errors.ts";

export function revokeShare(app: App, { pool }: Deps): void {
  const schema = {
    summary: "Revoke a share, for good",
    params: z.object({ id: Id, shareId: Id }),
    response: answers({ 204: z.null() }, "not_found"),
  };
  app.delete("/api/sessions/:id/shares/:shareId", { schema }, async (request, reply) => {
    const { id, shareId } = request.params;
    if (!(await store.revokeShare(pool, callerOf(request), id, shareId))) throw new ApiError("not_found");
    return reply.status(204).send(null);
  });
}
