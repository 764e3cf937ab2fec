import type { TurnError, UsageEntry } from "@boocode/contracts";
import type { Change, ClaimedTurn, EndedTurn, EndingTurn } from "@boocode/store";
import { describe, expect, it } from "vitest";
import type { FrameBody } from "../outputs/to-frame.ts";
import { wholeReply } from "../turn/open-message.ts";
import type { Attempt, Outcome } from "./attempt.ts";
import { endAttempt } from "./end-attempt.ts";
import type { ReplyDraft } from "./turn-store.ts";

const CHANGES: Change[] = [{ kind: "name_wanted", sessionId: "s" }];
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
}

/** Ends an attempt whose open message has the text "so far" and whose last frame has the number 7. */
async function run(outcome: Outcome, { ends = [{ changes: CHANGES }], isQueued = true, cuts = 0 }: Setting = {}) {
  const commits: EndingTurn[] = [];
  const queued: { lastSeq: number; text: string | undefined; waits: boolean; usage: unknown }[] = [];
  const frames: FrameBody[] = [];
  const announced: Change[] = [];
  const woken: string[] = [];
  const attempt = {
    turn: { id: "t", cuts } as ClaimedTurn,
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
    message: { id: "m", content: "so far", reasoning: "" },
    usage: { sum: () => [BROKEN], sumWithReply: () => [ANSWER] },
    dropDraft() {},
  } as unknown as Attempt;
  const deps = {
    announce: (changes: readonly Change[]) => void announced.push(...changes),
    wake: (turnId: string) => void woken.push(turnId),
    retryBudgetMs: 20_000,
  };
  await endAttempt(deps, attempt, outcome);
  return { commits, queued, announced, woken, types: frames.map(({ type }) => type) };
}

describe("an attempt", () => {
  it("that answered commits the whole reply with the number of its last frame, and only then emits and announces", async () => {
    const { commits, types, announced } = await run({ kind: "answered", reply: REPLY });
    expect(commits).toEqual([{ end: { status: "complete" }, reply: REPLY, lastSeq: 9, usage: [ANSWER] }]);
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
    const { commits, types } = await run(outcome, { ends: ["cancelling", { changes: CHANGES }] });
    expect(commits[1]).toMatchObject({
      end: { status: "cancelled", reason: "interrupted" },
      reply: { content: "so far" },
      lastSeq: 9,
      usage: [BROKEN],
    });
    expect(types).toEqual(["message_complete", "turn_finished"]);
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
    const ends = ["cancelling" as const, { changes: CHANGES }];
    const { commits } = await run({ kind: "broken_off", error: ERROR }, { isQueued: false, ends });
    expect(commits.map(({ end }) => end.status)).toEqual(["failed", "cancelled"]);
  });
});
