import type { RecentCall } from "@boocode/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ConversationTurn } from "./conversation-turn.ts";
import { createRequestFitter, type FittedRequest } from "./fit-request.ts";
import { messagesTokens } from "./measure.ts";
import type { Reply } from "./ports.ts";
import { recentCount, recentCut } from "./recent-calls.ts";

const settings = { answerShare: 0.2, answerTokens: 16_384, defaultWindow: 32_768 };
const SYSTEM = "You read code. ".repeat(40);

function reply(promptTokens: number | null): Reply {
  const nothing = { reasoning: "", toolCalls: [], finishReason: "stop", model: "m", contextSize: null };
  return { ...nothing, content: "", promptTokens, completionTokens: 0 };
}

/** A turn whose question and answer have about these numbers of tokens. */
function turn(ordinal: number, question: number, answer: number): ConversationTurn {
  const words = (tokens: number) => "word ".repeat(Math.round(tokens / 1.2));
  return {
    ordinal,
    messages: [
      { role: "user", content: words(question) },
      { role: "assistant", content: words(answer), toolCalls: [] },
    ],
  };
}

/**
 * Asks the questions of a session one after the other, as the worker does: each request starts from the cut and the count that
 * the previous one recorded.
 * @param counts the server's count per estimated token; null when it reports no count
 */
function converse(turns: ConversationTurn[], window: number, counts: number | null) {
  const calls: RecentCall[] = [];
  return turns.map((present, index): FittedRequest & { present: ConversationTurn } => {
    const { cut, turnsDropped, mayRestore } = recentCut(calls, "m", window);
    const earlier = turns.slice(0, index).filter(({ ordinal }) => mayRestore || ordinal >= cut.turn);
    const fitter = createRequestFitter(
      {
        ...{ model: "m", system: SYSTEM, earlier, unread: mayRestore ? 0 : turnsDropped, cut, mayRestore, window },
        ...{ present: { ...present, messages: present.messages.slice(0, 1) }, counted: recentCount(calls, "m") },
      },
      [],
      settings,
    );
    const fitted = fitter.fit(null);
    if (fitted.fits) {
      const promptTokens = counts === null ? null : Math.ceil((fitted.context.prompt_uncorrected ?? 0) * counts);
      const context = fitter.learn(fitted.context, reply(promptTokens)) ?? fitted.context;
      calls.unshift({ context, tokens_used: 0, ctx_used: promptTokens, ctx_max: null });
    }
    return { ...fitted, present };
  });
}

const kept = (fitted: FittedRequest, index: number) => (fitted.fits ? index - fitted.context.turns_dropped : null);

describe("the requests of a long session", () => {
  it("never lose all earlier turns while the newest one fits, whatever the sizes and the window", () => {
    const share = fc.integer({ min: 1, max: 45 }).map((percent) => percent / 100);
    const parts = fc.tuple(share, fc.integer({ min: 0, max: 100 }));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(parts, { minLength: 2, maxLength: 14 }),
          parts.map((part) => Array.from({ length: 10 }, () => part)),
        ),
        fc.constantFrom(4_096, 8_192, 32_768, 131_072),
        fc.constantFrom(null, 1, 0.8, 0.5),
        (sizes, window, counts) => {
          const turns = sizes.map(([size, answer], index) =>
            turn(index + 1, size * window * (1 - answer / 100), (size * window * answer) / 100),
          );
          for (const [index, fitted] of converse(turns, window, counts).entries()) {
            const newest = turns[index - 1];
            if (!newest || !fitted.fits) continue;
            const question = fitted.present.messages.slice(0, 1);
            const estimate = messagesTokens(newest.messages) + messagesTokens(question) + SYSTEM.length / 3;
            if (estimate < window * 0.8 - 200) expect(kept(fitted, index)).toBeGreaterThan(0);
          }
        },
      ),
    );
  });

  it("contain the newest turns that fit when turns are large", () => {
    const turns = Array.from({ length: 8 }, (_, index) => turn(index + 1, 1_900, 60));
    const requests = converse(turns, 8_192, 1);
    expect(requests.map(kept)).toEqual([0, 1, 2, 2, 2, 2, 2, 2]);
  });

  it("begin with the same turns until a cut is needed, and then have room for several more", () => {
    const turns = Array.from({ length: 60 }, (_, index) => turn(index + 1, 100, 300));
    const firsts = converse(turns, 8_192, 0.8).map((fitted) => (fitted.fits ? fitted.context.cut.turn : -1));
    const cuts = firsts.filter((first, index) => index > 0 && first !== firsts[index - 1]).length;
    expect(firsts.at(-1)).toBeGreaterThan(30);
    expect(cuts).toBeLessThan(10);
    expect(firsts).toEqual([...firsts].sort((a, b) => a - b));
  });

  it("restore what was cut when there is room again", () => {
    // The third question is so long that nothing fits beside it. Then its turn is deleted.
    const turns = [turn(1, 500, 500), turn(2, 500, 500), turn(3, 6_000, 10)];
    const [, , cut] = converse(turns, 8_192, 1);
    expect(kept(cut as FittedRequest, 2)).toBe(0);
    const earlier = turns.slice(0, 2);
    const present = { ordinal: 4, messages: turn(4, 500, 0).messages.slice(0, 1) };
    const cutAll = { turn: 3, elided_turn: 0, elided_outputs: 0 };
    const conversation = { model: "m", system: SYSTEM, unread: 0, cut: cutAll, window: 8_192, counted: null };
    const fitter = createRequestFitter({ ...conversation, earlier, present, mayRestore: true }, [], settings);
    expect(fitter.fit(null)).toMatchObject({ fits: true, context: { turns_dropped: 0 } });
  });
});

describe("a first question", () => {
  const ask = (content: string, window: number) =>
    createRequestFitter(
      {
        ...{ model: "m", system: SYSTEM, earlier: [], unread: 0, cut: { turn: 0, elided_turn: 0, elided_outputs: 0 } },
        ...{ present: { ordinal: 1, messages: [{ role: "user" as const, content }] }, mayRestore: false },
        ...{ window, counted: null },
      },
      [],
      settings,
    );

  it("is sent if it fits by the lower estimate, even if not by the higher one", () => {
    const fitter = ask("5".repeat(8_000), 8_192);
    expect(fitter.fit(null)).toMatchObject({
      fits: true,
      request: { maxTokens: 819 },
      context: { prompt_estimate: expect.any(Number) },
    });
    // Then the server's refusal is final.
    expect(fitter.fit({ window: 8_192, promptTokens: 8_100, estimated: 8_200 })).toMatchObject({ fits: false });
  });

  it("is not sent when it cannot fit", () => {
    expect(ask("a long question ".repeat(6_000), 8_192).fit(null)).toMatchObject({ fits: false, window: 8_192 });
  });

  it.each([
    ["5".repeat(8_000), 2_900],
    [`${" ".repeat(60)}x\n`.repeat(130), 1_100],
    ["=".repeat(8_000), 400],
    ["q".repeat(8_000), 1_300],
    ["計算".repeat(4_000), 4_200],
  ])("does not count as truncated, whatever its text (%#)", (content, promptTokens) => {
    const fitter = ask(content, 32_768);
    const fitted = fitter.fit(null);
    if (!fitted.fits) throw new Error("does not fit");
    expect(fitter.learn(fitted.context, reply(promptTokens))).toBeNull();
  });

  it("counts as truncated when the server counted far fewer tokens", () => {
    const fitter = ask("a long question ".repeat(6_000), 131_072);
    const fitted = fitter.fit(null);
    if (!fitted.fits) throw new Error("does not fit");
    expect(fitter.learn(fitted.context, reply(4_096))).toMatchObject({ truncated_by_server: true });
  });
});
