import { toolOffers } from "@boocode/project-tools";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixedSize, requestSize } from "./measure.ts";
import type { ConversationMessage, Reply } from "./ports.ts";
import { toolsIgnoredBy } from "./sees-tools.ts";
import { systemPrompt } from "./system-prompt.ts";

const SYSTEM = systemPrompt({ name: "shop", path: "/srv/projects/shop" }, toolOffers, null);
const asking = (length: number): ConversationMessage[] => [{ role: "user", content: "x".repeat(length) }];

/** @param more the reply, or a function of its request's characters with the tools (`all`) and without them (`text`) */
function judge(
  question: number | string,
  more: Partial<Reply> | ((size: { all: number; text: number }) => Partial<Reply>),
) {
  const messages = typeof question === "number" ? asking(question) : [{ role: "user" as const, content: question }];
  const all = requestSize(fixedSize(SYSTEM, toolOffers), messages).characters;
  const text = requestSize(fixedSize(SYSTEM, []), messages).characters;
  const reply = { toolCalls: [], promptTokens: null, ...(typeof more === "function" ? more({ all, text }) : more) };
  return toolsIgnoredBy(reply as unknown as Reply, { system: SYSTEM, messages, tools: toolOffers });
}

describe("toolsIgnoredBy", () => {
  it("trusts a server whose template renders no tools, and judges by the count even if it does", () => {
    expect(judge(40, { seesTools: false })).toBe("template");
    expect(judge(40, { seesTools: false, promptTokens: 5_000 })).toBe("template");
    expect(judge(40, { seesTools: true })).toBeNull();
    // A proxy in front of llama-server may drop them.
    expect(judge(40, ({ text }) => ({ seesTools: true, promptTokens: Math.ceil(text / 4) }))).toBe("server");
  });

  it("detects a server that counted only the text, in the first questions of a session", () => {
    // From dense code with a chat template around it to plain prose.
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 900 }),
        fc.double({ min: 3.4, max: 5, noNaN: true }),
        (question, perToken) => {
          expect(judge(question, ({ text }) => ({ promptTokens: Math.ceil(text / perToken) }))).toBe("server");
        },
      ),
    );
  });

  it("never takes a count of the whole prompt for one without the tools", () => {
    fc.assert(
      // Up to 6.5 characters per token, because a template may render the schemas more briefly than JSON.
      fc.property(fc.nat(50_000), fc.double({ min: 0.8, max: 6.5, noNaN: true }), (question, perToken) => {
        expect(judge(question, ({ all }) => ({ promptTokens: Math.ceil(all / perToken) }))).toBeNull();
      }),
    );
  });

  it("knows that whitespace has few tokens", () => {
    const lines = `${" ".repeat(60)}x\n`.repeat(640);
    expect(judge(lines, ({ all, text }) => ({ promptTokens: Math.round((all + text) / 16) }))).toBeNull();
  });

  it("does not judge without a count, or by a count of a part of the prompt", () => {
    expect([null, 0, 20].map((promptTokens) => judge(40, { promptTokens }))).toEqual([null, null, null]);
  });

  it("knows that a model which calls tools has seen them", () => {
    const call = { id: "a", name: "grep", arguments: {} };
    expect(judge(40, { seesTools: false, toolCalls: [call] })).toBeNull();
    const reply = { toolCalls: [], seesTools: false } as unknown as Reply;
    const result: ConversationMessage = { role: "tool", toolCallId: "a", name: "grep", content: "x" };
    const request = { system: SYSTEM, messages: [...asking(9), result], tools: toolOffers };
    expect(toolsIgnoredBy(reply, request)).toBeNull();
    expect(toolsIgnoredBy(reply, { system: SYSTEM, messages: asking(9), tools: [] })).toBeNull();
  });
});
