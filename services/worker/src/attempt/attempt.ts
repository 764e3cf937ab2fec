import type { ReplyRecord, ToolsIgnored, TurnError, UserLimits } from "@boocode/contracts";
import type { FrameAppender } from "@boocode/frame-log";
import { type LimitSettings, limitsOf } from "@boocode/limits";
import type { Logger } from "@boocode/runtime";
import type { Asker, ClaimedTurn } from "@boocode/store";
import type { DraftSaver } from "../outputs/draft-saver.ts";
import { createFrameWriter, type FrameWriter } from "../outputs/frame-writer.ts";
import { appendText, type OpenMessage } from "../turn/open-message.ts";
import type { Lease, Leases, TurnStopped } from "./leases.ts";
import type { TurnStore } from "./turn-store.ts";
import { createUsageTally, type UsageTally } from "./usage-tally.ts";

/** One attempt at a turn: the state that running it and ending it share. */
export interface Attempt {
  readonly turn: ClaimedTurn;
  readonly lease: Lease;
  readonly store: TurnStore;
  readonly frames: FrameWriter;
  readonly log: Logger;
  /** The assistant's message that is being written. The frame writer appends text to it as it numbers the text. */
  message: OpenMessage | null;
  /** Set when the replies show that the model was not shown the tools. */
  toolsIgnored: ToolsIgnored | null;
  /** The limits of the user who asks. */
  limitsOf(asker: Asker): UserLimits;
  /** What the model calls of the turn have used. */
  readonly usage: UsageTally;
  /** Discards the draft of the text so far, because the commit that follows has the whole text. */
  dropDraft(): void;
}

/** How an attempt ended, before the end is committed. */
export type Outcome =
  | { kind: "answered"; reply: ReplyRecord }
  | { kind: "failed"; error: TurnError }
  /** The answer was cut after subscribers saw a part of it. Only another attempt, which replaces it, may ask again. */
  | { kind: "broken_off"; error: TurnError }
  | TurnStopped["why"];

export interface AttemptDeps {
  leases: Leases;
  drafts: DraftSaver;
  appender: FrameAppender;
  storeUnder(lease: Lease): TurnStore;
  /** The limits of each role. */
  limits: LimitSettings;
  log: Logger;
}

/** @param claimedAt when the claim was sent, on the monotonic clock */
export function beginAttempt(deps: AttemptDeps, turn: ClaimedTurn, claimedAt: number): Attempt {
  const { id: turnId, session_id: sessionId, ordinal, attempt: number, nonce } = turn;
  const fence = { turnId, attempt: number };
  const lease = deps.leases.hold(fence, claimedAt);
  const frames = createFrameWriter(
    { sessionId, turnId, epoch: { ordinal, attempt: number, nonce } },
    {
      appender: deps.appender,
      mayWrite: lease.mayWrite,
      // A draft holds exactly the text up to its frame number.
      onDelta(kind, text, lastSeq) {
        const { message } = attempt;
        if (!message) return;
        appendText(message, kind === "delta" ? "content" : "reasoning", text);
        const { id: messageId, content, reasoning, context } = message;
        deps.drafts.put({ ...fence, messageId, content, reasoning: reasoning || null, context, lastSeq });
      },
    },
  );
  const attempt: Attempt = {
    turn,
    lease,
    store: deps.storeUnder(lease),
    frames,
    log: deps.log.child({ turn_id: turnId, session_id: sessionId, attempt: number }),
    message: null,
    toolsIgnored: null,
    limitsOf: (asker) => limitsOf(deps.limits, asker),
    usage: createUsageTally(turn.usage),
    dropDraft: () => deps.drafts.drop(turnId),
  };
  return attempt;
}
