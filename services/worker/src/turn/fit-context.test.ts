import type { ContextCut } from "@boocode/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ConversationTurn } from "./conversation-turn.ts";
import { type Fit, type FitInput, fitContext, NO_CUT } from "./fit-context.ts";
import { messagesTokens } from "./measure.ts";
import type { ConversationMessage } from "./ports.ts";

type Steps = { outputs: number[]; said: number }[];

/** A turn with texts of the given lengths: a question, steps of calls with their outputs, and an answer. */
function turn(ordinal: number, question: number, steps: Steps, answer: number | null): ConversationTurn {
  const messages: ConversationMessage[] = [{ role: "user", content: "q".repeat(question) }];
  for (const [step, { outputs, said }] of steps.entries()) {
    const id = (place: number) => `c${ordinal}_${step}_${place}`;
    const toolCalls = outputs.map((_, place) => ({ id: id(place), name: "grep", arguments: { pattern: id(place) } }));
    messages.push({ role: "assistant", content: "s".repeat(said), toolCalls });
    for (const [place, length] of outputs.entries()) {
      messages.push({ role: "tool", toolCallId: id(place), name: "grep", content: "o".repeat(length) });
    }
  }
  if (answer !== null) messages.push({ role: "assistant", content: "a".repeat(answer), toolCalls: [] });
  return { ordinal, messages };
}

const steps: fc.Arbitrary<Steps> = fc.array(
  fc.record({
    outputs: fc.array(fc.integer({ min: 0, max: 6_000 }), { minLength: 1, maxLength: 4 }),
    said: fc.nat(200),
  }),
  { maxLength: 4 },
);
const conversation = fc
  .record({
    earlier: fc.array(fc.tuple(fc.nat(500), steps, fc.option(fc.nat(2_000))), { maxLength: 12 }),
    present: fc.tuple(fc.nat(3_000), steps),
    limit: fc.integer({ min: 100, max: 60_000 }),
    fixed: fc.nat(3_000),
  })
  .map(
    ({ earlier, present: [question, own], limit, fixed }): FitInput => ({
      earlier: earlier.map(([asked, made, answer], index) => turn(index + 1, asked, made, answer)),
      present: turn(earlier.length + 1, question, own, null),
      limit,
      fixed,
      cut: NO_CUT,
    }),
  );

const whole = (fit: Fit) => {
  if (!fit.fits) throw new Error("does not fit");
  return fit;
};
const later = (a: ContextCut, b: ContextCut) =>
  a.turn >= b.turn &&
  (a.elided_turn > b.elided_turn || (a.elided_turn === b.elided_turn && a.elided_outputs >= b.elided_outputs));

/** A turn that is estimated to have about `tokens`. */
const sized = (ordinal: number, tokens: number) => turn(ordinal, (tokens * 9) / 10, [], (tokens * 9) / 10);

describe("fitting a conversation into a window", () => {
  it("never returns a request over the limit: it fits or reports that it does not", () => {
    fc.assert(
      fc.property(conversation, (input) => {
        const fit = fitContext(input);
        if (!fit.fits) {
          // Only when the question and the calls of its turn are too long even without any output.
          expect(fit.tokens).toBeGreaterThan(input.limit);
          expect(
            input.fixed + messagesTokens(input.present.messages.map((message) => shortest(message))),
          ).toBeGreaterThan(input.limit - 150 * input.present.messages.length);
          return;
        }
        expect(input.fixed + messagesTokens(fit.messages)).toBe(fit.tokens);
        expect(fit.tokens).toBeLessThanOrEqual(input.limit);
      }),
    );
  });

  it("keeps the last question verbatim, and every message of its turn", () => {
    fc.assert(
      fc.property(conversation, (input) => {
        const fit = fitContext(input);
        if (!fit.fits) return;
        const own = fit.messages.slice(-input.present.messages.length);
        expect(own[0]).toEqual(input.present.messages[0]);
        expect(own.map(({ role }) => role)).toEqual(input.present.messages.map(({ role }) => role));
      }),
    );
  });

  it("drops whole turns, oldest first, and keeps a result for every call", () => {
    fc.assert(
      fc.property(conversation, (input) => {
        const fit = fitContext(input);
        if (!fit.fits) return;
        const kept = [...input.earlier.slice(fit.turnsDropped), input.present].flatMap(({ messages }) => messages);
        expect(fit.messages.map(identity)).toEqual(kept.map(identity));
        const changed = fit.messages.filter((message, at) => message !== kept[at]);
        expect(changed).toHaveLength(fit.outputsElided);
        for (const message of changed)
          expect(message).toMatchObject({ role: "tool", content: /left out to save room/ });
      }),
    );
  });

  it("changes nothing in a conversation that fits", () => {
    fc.assert(
      fc.property(conversation, (input) => {
        const all = [...input.earlier, input.present].flatMap(({ messages }) => messages);
        const fit = fitContext({ ...input, limit: input.fixed + messagesTokens(all) });
        expect(fit).toMatchObject({ fits: true, messages: all, turnsDropped: 0, outputsElided: 0, cut: NO_CUT });
      }),
    );
  });

  it("elides outputs of earlier turns before it drops a turn, and outputs of the present turn only when at most one other is left", () => {
    fc.assert(
      fc.property(conversation, (input) => {
        const fit = fitContext(input);
        if (!fit.fits) return;
        const own = fit.messages.slice(-input.present.messages.length);
        const ownElided = own.some((message, at) => message !== input.present.messages[at]);
        if (ownElided) expect(fit.turnsDropped).toBeGreaterThanOrEqual(input.earlier.length - 1);
        if (fit.turnsDropped === 0) return;
        const others = fit.messages.slice(0, -input.present.messages.length);
        for (const message of others)
          if (message.role === "tool") expect(message.content.length).toBeLessThanOrEqual(260);
      }),
    );
  });

  it("keeps the beginning of later requests unchanged until they are too long: the cut moves in coarse steps and never back", () => {
    fc.assert(
      fc.property(conversation, fc.array(fc.nat(300), { minLength: 1, maxLength: 8 }), (input, more) => {
        let fit = fitContext(input);
        let present = input.present;
        for (const length of more) {
          if (!fit.fits) return;
          const before = fit;
          present = {
            ...present,
            messages: [...present.messages, ...turn(99, 1, [{ outputs: [length], said: 5 }], null).messages.slice(1)],
          };
          fit = fitContext({ ...input, present, cut: before.cut });
          if (!fit.fits) return;
          expect(later(fit.cut, before.cut)).toBe(true);
          const added = messagesTokens(present.messages.slice(-2));
          const cutNewest = before.messages.some((message) => /the rest was left out/.test(message.content));
          if (cutNewest || before.tokens + added > input.limit) continue;
          expect(fit.messages.slice(0, before.messages.length)).toEqual(before.messages);
        }
      }),
    );
  });

  it("cuts so much at once that a fifth of the window can be added before the next cut", () => {
    const earlier = Array.from({ length: 30 }, (_, index) =>
      turn(index + 1, 100, [{ outputs: [1_000], said: 50 }], 300),
    );
    const present = turn(31, 100, [], null);
    for (const limit of [16_000, 6_000]) {
      const first = whole(fitContext({ earlier, present, limit, fixed: 0, cut: NO_CUT }));
      expect(first.cut).not.toEqual(NO_CUT);
      const longer = { ...present, messages: [...present.messages, ...turn(31, 1, [], limit / 4).messages.slice(1)] };
      expect(whole(fitContext({ earlier, present: longer, limit, fixed: 0, cut: first.cut })).cut).toEqual(first.cut);
    }
  });

  it("keeps the newest earlier turn whenever it fits, whatever the size of the turns and of their outputs", () => {
    fc.assert(
      fc.property(conversation, (input) => {
        const newest = input.earlier.at(-1);
        if (!newest) return;
        const fit = fitContext(input);
        const bare = ({ messages }: ConversationTurn) => messagesTokens(messages.map(elided));
        // Each output may need room for its elision line, or the minimum of an unread output.
        const unread = input.present.messages.filter(({ role }) => role === "tool").length * 500;
        if (input.fixed + bare(newest) + bare(input.present) + unread <= input.limit)
          expect(whole(fit).turnsDropped).toBeLessThan(input.earlier.length);
      }),
    );
  });

  it("keeps the four newest turns that fit, even above the low-water mark", () => {
    for (const share of [0.2, 0.22, 0.25, 0.28, 0.32, 0.4]) {
      const earlier = Array.from({ length: 8 }, (_, index) => sized(index + 1, 8_000 * share));
      const present = sized(9, 8_000 * share);
      const size = messagesTokens(present.messages);
      const fit = whole(fitContext({ earlier, present, limit: 8_000, fixed: 0, cut: NO_CUT }));
      expect(earlier.length - fit.turnsDropped).toBe(Math.min(4, Math.floor(8_000 / size) - 1));
    }
  });

  it("elides the present turn's read outputs before it drops the last earlier turn", () => {
    const earlier = [sized(1, 1_000), sized(2, 1_000)];
    const present = turn(
      3,
      100,
      [
        { outputs: [6_000], said: 0 },
        { outputs: [6_000, 6_000], said: 0 },
      ],
      null,
    );
    const fit = whole(fitContext({ earlier, present, limit: 5_000, fixed: 0, cut: NO_CUT }));
    expect(fit.turnsDropped).toBe(1);
    const outputs = fit.messages.filter(({ role }) => role === "tool").map(({ content }) => content);
    expect(outputs[0]).toMatch(/^.output left out/);
    for (const output of outputs.slice(1)) expect(output).toMatch(/^o{2000,}\n\[the rest was left out to save room/);
  });

  it("drops the last earlier turn when the new outputs would otherwise get hardly any room", () => {
    const present = turn(2, 100, [{ outputs: [6_000, 6_000], said: 0 }], null);
    const fit = whole(fitContext({ earlier: [sized(1, 1_500)], present, limit: 2_000, fixed: 0, cut: NO_CUT }));
    expect(fit.turnsDropped).toBe(1);
  });

  it("returns the same result for the same input, and the same messages when it starts from its own cut", () => {
    fc.assert(
      fc.property(conversation, (input) => {
        const fit = fitContext(input);
        expect(fitContext(structuredClone(input))).toEqual(fit);
        if (fit.fits) expect(whole(fitContext({ ...input, cut: fit.cut })).messages).toEqual(fit.messages);
      }),
    );
  });

  it("replaces an output by the same line whether the output was read or not", () => {
    const old = turn(1, 10, [{ outputs: [9_000], said: 0 }], 10);
    const unread = {
      ...old,
      messages: old.messages.map((m) => (m.role === "tool" ? { ...m, content: "", leftOut: true } : m)),
    };
    const input = { earlier: [old], present: turn(2, 10, [], null), limit: 600, fixed: 0, cut: NO_CUT };
    const fit = whole(fitContext(input));
    const texts = (messages: ConversationMessage[]) => messages.map(({ content }) => content);
    expect(texts(whole(fitContext({ ...input, earlier: [unread], cut: fit.cut })).messages)).toEqual(
      texts(fit.messages),
    );
    expect(texts(fit.messages)).toContain('[output left out to save room: call grep {"pattern":"c1_0_0"} again]');
  });

  it("cuts the newest outputs to a common length instead of eliding them", () => {
    const present = turn(1, 100, [{ outputs: [100, 9_000, 9_000], said: 0 }], null);
    const fit = whole(fitContext({ earlier: [], present, limit: 2_000, fixed: 0, cut: NO_CUT }));
    const outputs = fit.messages.filter(({ role }) => role === "tool").map(({ content }) => content);
    expect(outputs[0]).toHaveLength(100);
    expect(outputs[1]?.length).toBe(outputs[2]?.length);
    expect(outputs[1]).toMatch(/^o{1000,}\n\[the rest was left out to save room/);
  });

  it("looks at the calls of a turn about as often as it has outputs, however many are elided", () => {
    const outputs = 400;
    const steps = [Array<number>(outputs).fill(1_000), [10]].map((lengths) => ({ outputs: lengths, said: 0 }));
    const present = turn(1, 10, steps, null);
    let looks = 0;
    const counting =
      <T>(value: T) =>
      () => {
        looks += 1;
        return value;
      };
    for (const message of present.messages) {
      if (message.role !== "assistant") continue;
      for (const call of message.toolCalls) call.arguments.toJSON = counting("");
      Object.defineProperty(message, "toolCalls", { get: counting(message.toolCalls) });
    }
    const fit = whole(fitContext({ fixed: 0, earlier: [], present, limit: 25_000, cut: NO_CUT }));
    expect(fit.outputsElided).toBeGreaterThan(outputs / 2);
    expect(looks).toBeLessThan(10 * outputs);
  });
});

function shortest(message: ConversationMessage): ConversationMessage {
  return message.role === "tool" ? { ...message, content: "" } : message;
}

function elided(message: ConversationMessage): ConversationMessage {
  return message.role === "tool" ? { ...message, content: "x".repeat(240) } : message;
}

function identity(message: ConversationMessage): unknown {
  if (message.role === "tool") return message.toolCallId;
  return message;
}
