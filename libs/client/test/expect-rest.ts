import type { Message } from "@boocode/contracts";
import { expect } from "vitest";
import type { BooCodeClient, SessionView, ViewMessage } from "../src/index.ts";

/** Asserts that a view shows exactly what REST returns: the messages, the name, and no other turn. */
export async function expectRest(client: BooCodeClient, view: SessionView): Promise<void> {
  const [list, session, turns] = await Promise.all([
    client.listMessages(view.sessionId, { limit: 1_000 }),
    client.getSession(view.sessionId),
    client.listTurns(view.sessionId),
  ]);
  const shown = (message: ViewMessage | Message) => {
    // Frames carry neither times nor the request's context; and Postgres has no model for a reply that was cut.
    const { created_at, started_at, finished_at, context, model, ...same } = message;
    const { shortened, since, ...rest } = same as ViewMessage;
    return { ...rest, model: message.finish_reason === null ? null : model };
  };
  expect(view.messages.map(shown)).toEqual(list.messages.map(shown));
  expect(view.messages.filter((message) => message.shortened)).toEqual([]);
  expect(view.version).toBe(list.version);
  expect(view.cursor).toBe(list.cursor);
  expect(view.session?.name).toBe(session.name);
  expect(view.queue.map((turn) => turn.id)).toEqual(
    turns.filter((turn) => turn.status === "queued").map((turn) => turn.id),
  );
}
