import type { TurnError, UsageEntry } from "@boocode/contracts";
import type { Change, ClaimedTurn, EndedTurn, EndingTurn } from "@boocode/store";
import { describe, expect, it } from "vitest";
import type { FrameBody } from "../outputs/to-frame.ts";
import { wholeReply } from "../turn/open-message.ts";
import type { Attempt, Outcome } from "./attempt.ts";
import { endAttempt } from "./end-attempt.ts";
import type { ReplyDraft } from "./turn-store.ts";

const CHANGES: Change[] = [{ kind: "name_wanted", sessionId: "s" }];
const ENDED: EndedTurn = { changes: CHANGES };
const ERROR: TurnError = { code: "model_cut", message: "cut" };
const REPLY = wholeReply("m", {
  content: "the whole answer",
  reasoning: "",
  toolCalls: [],
  finishReason: "stop",
  model: "model",
  promptTokens: 10,
  completionTokens: 3,
  contextSize: null,
});

const BROKEN = { kind: "broken" } as UsageEntry;
const ANSWER = { kind: "answer" } as UsageEntry;

interface Setting {
  /** What each `endTurn` returns, in order. */
  ends?: (EndedTurn | "cancelling" | "lost")[];
  /** Whether the turn can be put back into the queue. */
  isQueued?: boolean;
  cuts?: number;
  /** Whether the claim has begun the message, and no model was asked yet. */
  isBegun?: boolean;
}

/** Ends an attempt whose open message has the text "so far" and whose last frame has the number 7. */
async function run(outcome: Outcome, { ends = [ENDED], isQueued = true, cuts = 0, isBegun = false }: Setting = {}) {
  const commits: EndingTurn[] = [];
  const queued: { lastSeq: number; text: string | undefined; waits: boolean; usage: unknown }[] = [];
  const frames: FrameBody[] = [];
  const announced: Change[] = [];
  const woken: string[] = [];
  const attempt = {
    turn: { id: "t", cuts, begun: { model: "words" }, streaming_message_id: "begun", ordinal: 4 } as ClaimedTurn,
    lease: { ending() {}, mayWrite: () => true },
    frames: {
      flush() {},
      emit: (...bodies: FrameBody[]) => void frames.push(...bodies),
      lastSeq: () => 7 + frames.length,
      drained: async () => {},
    },
    store: {
      async endTurn(ending: EndingTurn) {
        commits.push(ending);
        return ends.shift();
      },
      readCancelReason: async () => "interrupted",
      async release({ reply, lastSeq }: ReplyDraft, usage: UsageEntry[]) {
        queued.push({ lastSeq, text: reply?.content, waits: false, usage });
        return isQueued;
      },
      async requeueCut({ reply, lastSeq }: ReplyDraft, { usage }: { usage: UsageEntry[] }) {
        queued.push({ lastSeq, text: reply?.content, waits: true, usage });
        return isQueued;
      },
    },
    log: { info() {}, warn() {} },
    message: isBegun ? null : { id: "m", content: "so far", reasoning: "", context: null },
    usage: { sum: () => [BROKEN], sumWithReply: () => [ANSWER] },
    dropDraft() {},
  } as unknown as Attempt;
  const deps = {
    announce: (changes: readonly Change[]) => void announced.push(...changes),
    wake: (turnId: string) => void woken.push(turnId),
    retryBudgetMs: 20_000,
  };
  const mayWait = await endAttempt(deps, attempt, outcome);
  return { mayWait, commits, queued, announced, woken, frames, types: frames.map(({ type }) => type) };
}

describe("an attempt", () => {
  it("that answered commits the whole reply with the number of its last frame, and only then emits and announces", async () => {
    const { commits, types, announced } = await run({ kind: "answered", reply: REPLY });
    expect(commits).toMatchObject([{ end: { status: "complete" }, reply: REPLY, lastSeq: 9, usage: [ANSWER] }]);
    expect(types).toEqual(["message_complete", "turn_finished"]);
    expect(announced).toEqual(CHANGES);
  });

  it("that failed commits the text so far", async () => {
    const { commits, types } = await run({ kind: "failed", error: ERROR });
    expect(commits).toMatchObject([
      {
        end: { status: "failed", error: ERROR },
        reply: { content: "so far", finishReason: null },
        lastSeq: 10,
        usage: [BROKEN],
      },
    ]);
    expect(types).toEqual(["error", "message_complete", "turn_finished"]);
  });

  it.each<[string, Outcome]>([
    ["answered", { kind: "answered", reply: REPLY }],
    ["failed", { kind: "failed", error: ERROR }],
  ])("that %s after a cancel ends as cancelled, with the text so far", async (_, outcome) => {
    const { commits, types } = await run(outcome, { ends: ["cancelling", ENDED] });
    expect(commits[1]).toMatchObject({
      end: { status: "cancelled", reason: "interrupted" },
      reply: { content: "so far" },
      lastSeq: 9,
      usage: [BROKEN],
    });
    expect(types).toEqual(["message_complete", "turn_finished"]);
  });

  it("that ends before a model was asked tells of the message that the claim has begun, and ends it", async () => {
    for (const outcome of [
      { kind: "failed", error: ERROR },
      { kind: "cancelled", reason: "user" },
    ] as Outcome[]) {
      const { commits, frames, types } = await run(outcome, { isBegun: true });
      expect(frames[0]).toEqual({
        ...{
          type: "message_started",
          message_id: "begun",
          turn_ordinal: 4,
          position: 1,
          role: "assistant",
          model: "words",
        },
      });
      const last = 8 + (outcome.kind === "failed" ? 3 : 2);
      expect(commits).toMatchObject([{ reply: { messageId: "begun", content: "" }, lastSeq: last }]);
      expect(types.slice(-2)).toEqual(["message_complete", "turn_finished"]);
    }
  });

  it("says whether another turn may wait for its slot, and that one may when the end does not tell", async () => {
    expect((await run({ kind: "answered", reply: REPLY })).mayWait).toBe(false);
    const ends: EndedTurn[] = [{ changes: [{ kind: "turn_due", turnId: "next", liveTurnsOfUser: 1 }] }];
    expect((await run({ kind: "answered", reply: REPLY }, { ends })).mayWait).toBe(true);
    expect((await run({ kind: "released" })).mayWait).toBe(true);
    expect((await run({ kind: "lost" })).mayWait).toBe(true);
  });

  it("whose fence is lost emits and announces nothing", async () => {
    const { types, announced } = await run({ kind: "answered", reply: REPLY }, { ends: ["lost"] });
    expect([types, announced]).toEqual([[], []]);
    expect(await run({ kind: "lost" })).toMatchObject({ commits: [], queued: [], types: [] });
  });

  it("that is released saves the text so far and wakes a worker at once", async () => {
    const { commits, queued, woken, types } = await run({ kind: "released" });
    expect(queued).toEqual([{ lastSeq: 7, text: "so far", waits: false, usage: [BROKEN] }]);
    expect([commits, woken, types]).toEqual([[], ["t"], []]);
  });

  it("that cannot be released because of a cancel ends as cancelled", async () => {
    const { commits, woken } = await run({ kind: "released" }, { isQueued: false });
    expect(commits).toMatchObject([{ end: { status: "cancelled", reason: "interrupted" } }]);
    expect(woken).toEqual([]);
  });

  it("that was broken off is queued again, after a frame that states the wait", async () => {
    const { commits, queued, types } = await run({ kind: "broken_off", error: ERROR });
    expect(types).toEqual(["turn_waiting"]);
    expect(queued).toEqual([{ lastSeq: 8, text: "so far", waits: true, usage: [BROKEN] }]);
    expect(commits).toEqual([]);
  });

  it.each([
    ["it had six cuts before", 6],
    ["the next pause would exceed the retry budget", 5],
  ])("that was broken off fails when %s", async (_, cuts) => {
    const { commits, queued } = await run({ kind: "broken_off", error: ERROR }, { cuts });
    expect(queued).toEqual([]);
    expect(commits).toMatchObject([{ end: { status: "failed", error: ERROR }, reply: { content: "so far" } }]);
  });

  it("that was broken off during a cancel ends as cancelled", async () => {
    const ends = ["cancelling" as const, ENDED];
    const { commits } = await run({ kind: "broken_off", error: ERROR }, { isQueued: false, ends });
    expect(commits.map(({ end }) => end.status)).toEqual(["failed", "cancelled"]);
  });
});
