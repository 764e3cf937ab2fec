import { createBooCodeClient, followSession, type SessionFollower, type SessionView } from "@boocode/client";
import { compareEpochs, parseCursor } from "@boocode/contracts";
import { WebSocket } from "ws";
import { readMarkedText } from "./marked-text.ts";
import type { System, User } from "./start-system.ts";

/** A user who follows a session with the built client library, and records violations in what it shows. */
export interface Subscriber {
  follower: SessionFollower;
  /** Broken invariants, as text. */
  broken: string[];
  /** The longest time, in ms, without a change in what is shown (words, or a notice of waiting) while a turn ran. */
  longestSilenceMs(): number;
  /** Resolves when the turn has ended in this view. */
  untilEnded(turnId: string): Promise<SessionView>;
  close(): Promise<void>;
}

export interface SubscriberOptions {
  /** The indexes of the gateway and API that it uses. */
  gateway?: number;
  api?: number;
  /** The model's texts are marked with attempt and index. */
  marked?: boolean;
}

/** The client library as delivered. */
export function clientOf(system: System, user: User, { gateway = 0, api = 0 }: SubscriberOptions = {}) {
  return createBooCodeClient({
    apiUrl: system.apis[api]?.url as string,
    gatewayUrl: system.gateways[gateway]?.url as string,
    token: user.token,
    openSocket: (url, headers) => new WebSocket(url, { headers }) as never,
  });
}

/** What changes for a reader: the newest texts and their turn's state. The same content sent again counts as silence. */
function whatMoves({ messages, turns, queue }: SessionView): string {
  const newest = messages.slice(-4);
  const turn = turns[newest.at(-1)?.turn_id ?? ""];
  return JSON.stringify([
    messages.length,
    newest.map(({ id, status, content, reasoning }) => [id, status, content.length, reasoning?.length]),
    [queue.length, turn?.status, turn?.waiting],
  ]);
}

export function openSubscriber(
  system: System,
  user: User,
  sessionId: string,
  options: SubscriberOptions = {},
): Subscriber {
  const { marked = true } = options;
  const broken: string[] = [];
  /** Views are immutable: a message that was checked once need not be checked again. */
  const read = new WeakSet<object>();
  let before: SessionView | null = null;
  let changedAt = performance.now();
  let shown = "";
  let silence = 0;

  function look(view: SessionView): void {
    const now = performance.now();
    const runs = before && Object.values(before.turns).some((turn) => turn.status === "running");
    if (runs) silence = Math.max(silence, now - changedAt);
    if (before?.messages !== view.messages || before.turns !== view.turns) {
      const shows = whatMoves(view);
      if (shows !== shown) changedAt = now;
      shown = shows;
    }
    if (before) neverBack(before, view);
    if (marked) {
      for (const message of view.messages) {
        if (message.role !== "assistant" || read.has(message)) continue;
        read.add(message);
        try {
          readMarkedText(message.content);
        } catch (error) {
          broken.push(`D1: ${(error as Error).message}`);
        }
      }
    }
    before = view;
  }

  function neverBack(old: SessionView, view: SessionView): void {
    const [a, b] = [parseCursor(old.cursor), parseCursor(view.cursor)];
    if (!a || !b) return;
    const order = compareEpochs(b.epoch, a.epoch);
    if (order < 0 || (order === 0 && b.epoch.nonce === a.epoch.nonce && b.seq < a.seq)) {
      broken.push(`D2: the cursor went back from ${old.cursor} to ${view.cursor}`);
    }
  }

  const follower = followSession(clientOf(system, user, options), sessionId, { onChange: look });
  return {
    follower,
    broken,
    longestSilenceMs: () => silence,
    untilEnded: (turnId) =>
      follower.until(
        (view) => ["complete", "failed", "cancelled", "ended"].includes(view.turns[turnId]?.status ?? ""),
        AbortSignal.timeout(60_000),
      ),
    close: () => follower.close(),
  };
}
