import { SocketTicket } from "@boocode/contracts";
import { TICKET_LIFE_MS } from "@boocode/identity";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { ApiError } from "../errors.ts";

/** For a browser's WebSocket, which cannot send an Authorization header. */
export function makeTicket(app: App, deps: Deps): void {
  app.post(
    "/api/ws-tickets",
    {
      schema: {
        summary: "Create a single-use ticket that opens one WebSocket or event stream",
        response: answers({ 201: SocketTicket }),
      },
    },
    async (request, reply) => {
      const ticket = await deps.makeTicket(callerOf(request)).catch((cause: unknown) => {
        throw new ApiError("unavailable", "tickets need Redis, which is unavailable; try again", { cause });
      });
      return reply.status(201).send({ ticket, expires_in_ms: TICKET_LIFE_MS });
    },
  );
}
