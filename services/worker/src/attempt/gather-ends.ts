import {
  type CompletedTurn,
  completeTurns,
  type EndedTurn,
  type EndingTurn,
  endTurn,
  type Fence,
  type Pool,
} from "@boocode/store";

/** What came of an end; see `endTurn`. */
type Ended = EndedTurn | "cancelling" | "lost";

interface WaitingEnd extends CompletedTurn {
  settle(end: Promise<Ended>): void;
}

/** The most ends in one transaction. */
const MOST = 32;
/** In characters. A longer answer goes by itself: the statement of several should not be long. */
const LONG = 65_536;
/** After this time, ends no longer wait for the one in flight: its database or a lock is slow. */
const HELD_MS = 300;

/**
 * Ends turns. The ends of complete answers that come while one is in flight go together in the next one, so that a busy process
 * waits for few commits. Each has the result that it would have by itself.
 */
export function gatherEnds(pool: Pool): (fence: Fence, ending: EndingTurn) => Promise<Ended> {
  const waiting: WaitingEnd[] = [];
  let isInFlight = false;

  const endAlone = ({ fence, ...ending }: CompletedTurn) => endTurn(pool, fence, ending);

  async function endTogether(some: WaitingEnd[]): Promise<void> {
    // Each by itself where they cannot end together, which also tells which of them is at fault.
    const ended = some.length > 1 ? await completeTurns(pool, some).catch(() => []) : [];
    const alone = some.map((one, at) => {
      const end = ended[at];
      const settled = end ? Promise.resolve<Ended>(end) : endAlone(one);
      one.settle(settled);
      return settled;
    });
    await Promise.allSettled(alone);
  }

  function endNext(): void {
    if (isInFlight || waiting.length === 0) return;
    isInFlight = true;
    let isHeld = true;
    const release = () => {
      if (!isHeld) return;
      isHeld = false;
      clearTimeout(timer);
      isInFlight = false;
      endNext();
    };
    const timer = setTimeout(release, HELD_MS);
    void endTogether(waiting.splice(0, MOST)).then(release);
  }

  return (fence, { toolsIgnored, ...ending }) => {
    const { end, reply } = ending;
    if (end.status !== "complete" || toolsIgnored || (reply && reply.content.length > LONG))
      return endTurn(pool, fence, { ...ending, toolsIgnored });
    return new Promise<Ended>((resolve) => {
      waiting.push({ ...ending, fence, settle: resolve });
      endNext();
    });
  };
}
