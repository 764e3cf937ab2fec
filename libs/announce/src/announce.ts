import type { Publisher } from "@boocode/frame-log";
import type { Change } from "@boocode/store";
import type { TurnQueue } from "@boocode/turn-queue";

/**
 * Announces committed changes: to workers at once, because a user waits for their work, and then to subscribers, in the given
 * order. Best effort: it returns at once and never throws, because the changes are in Postgres, where workers find the turns and
 * gateways find the versions.
 */
export type Announce = (changes: readonly Change[]) => void;

export function createAnnounce(deps: {
  publisher: Publisher;
  queue: Pick<TurnQueue, "wake" | "requestName">;
  onError(error: unknown): void;
}): Announce {
  const { publisher, queue } = deps;

  async function announce(change: Change): Promise<void> {
    switch (change.kind) {
      case "structure":
        return await publisher.toSession(change.frame);
      case "list":
        return await ("projectId" in change.of
          ? publisher.toProject(change.of.projectId, change.frame)
          : publisher.toUser(change.of.userId, change.frame));
      case "turn_due":
        return await queue.wake(change.turnId, change.liveTurnsOfUser);
      case "turn_cancelling":
        return await publisher.toHolder(change.turnId);
      case "name_wanted":
        return await queue.requestName(change.sessionId);
      default:
        change satisfies never;
    }
  }

  const each = (changes: readonly Change[]) => {
    for (const change of changes) announce(change).catch(deps.onError);
  };

  return (changes) => {
    each(changes.filter(isForWorkers));
    const others = changes.filter((change) => !isForWorkers(change));
    if (others.length > 0) publisher.together(() => each(others));
  };
}

const isForWorkers = ({ kind }: Change) => kind === "turn_due" || kind === "turn_cancelling" || kind === "name_wanted";
