import type { Message } from "@boocode/contracts";
import { expect } from "vitest";
import type { BooCodeClient, SessionView, ViewMessage } from "../src/index.ts";

/** Asserts that a view shows exactly what REST has: the messages, the name, and no turn that is not there. */
export async function expectRest(client: BooCodeClient, view: SessionView): Promise<void> {
  const [list, session, turns] = await Promise.all([
    client.listMessages(view.sessionId, { limit: 1_000 }),
    client.getSession(view.sessionId),
    client.listTurns(view.sessionId),
  ]);
  const shown = (message: ViewMessage | Message) => {
    // Frames do not tell times, nor what else a model was sent; and of an answer that was broken off, Postgres has no model.
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
