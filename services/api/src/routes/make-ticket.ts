import { SocketTicket } from "@boocode/contracts";
import { TICKET_LIFE_MS } from "@boocode/identity";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { ApiError } from "../errors.ts";

/** A single-use ticket for a browser's WebSocket, which cannot set a header. */
export function makeTicket(app: App, deps: Deps): void {
  app.post(
    "/api/ws-tickets",
    {
      schema: {
        summary: "Make a single-use ticket that opens one socket or event stream",
        response: answers({ 201: SocketTicket }),
      },
    },
    async (request, reply) => {
      const ticket = await deps.makeTicket(callerOf(request)).catch(() => {
        throw new ApiError("unavailable", "no ticket can be made while Redis is away");
      });
      return reply.status(201).send({ ticket, expires_in_ms: TICKET_LIFE_MS });
    },
  );
}
