import { randomUUID } from "node:crypto";
import { markedScript } from "./marked-text.ts";
import { FASTIFY, type System, type User } from "./start-system.ts";
import { openSubscriber, type Subscriber } from "./subscriber.ts";

export interface WatchedTurn {
  sessionId: string;
  turnId: string;
  /** Identifies the model requests of this turn. */
  key: string;
  subscriber: Subscriber;
}

/** Starts turns, each in its own session with a subscriber, spread over the gateways and APIs. */
export async function watchTurns(
  system: System,
  user: User,
  count: number,
  script: { tokens: number; interval_ms?: number; [option: string]: unknown },
): Promise<WatchedTurn[]> {
  const project = await user.rest.project(FASTIFY);
  return await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const session = await user.rest.session(project.id, { name: `session ${index}`, model: "words" });
      const subscriber = openSubscriber(system, user, session.id, {
        gateway: index % system.gateways.length,
        api: index % system.apis.length,
      });
      await subscriber.follower.until((view) => view.connection === "live", AbortSignal.timeout(30_000));
      const key = randomUUID();
      const turn = await user.rest.post(session.id, markedScript(key, script));
      return { sessionId: session.id, turnId: turn.turn_id, key, subscriber };
    }),
  );
}

/** Resolves when every subscriber has seen the model's first words. */
export async function untilAllSpeak(turns: WatchedTurn[]): Promise<void> {
  await Promise.all(
    turns.map(({ subscriber }) =>
      subscriber.follower.until(
        (view) => view.messages.some((message) => message.role === "assistant" && message.content !== ""),
        AbortSignal.timeout(30_000),
      ),
    ),
  );
}

export const closeAll = (turns: WatchedTurn[]) => Promise.all(turns.map(({ subscriber }) => subscriber.close()));
export const subscribersOf = (turns: WatchedTurn[]) => turns.map(({ subscriber }) => subscriber);
