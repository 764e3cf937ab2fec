import type { ConversationRow } from "@boocode/contracts";
import { toolOffers } from "@boocode/project-tools";
import { checkRequest as checkLikeServers } from "@boocode/scripted-model";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { parseArguments } from "../../src/model/decode/assemble-tool-calls.ts";
import { toRequest } from "../../src/model/encode/to-request.ts";
import { buildTurn } from "../../src/turn/conversation-turn.ts";
import { NO_CUT } from "../../src/turn/fit-context.ts";
import { createRequestFitter } from "../../src/turn/fit-request.ts";
import { checkRequest } from "./check-request.ts";

/**
 * Histories as sessions leave them in the database: turns that completed, were cancelled or failed at any moment, or whose
 * worker died; hostile text from tools and models; rows deleted anywhere.
 */
const hostile = fc.oneof(
  fc.constantFrom("", " ", "\u0000", "\ud83d", "\ude80\ud83d", "🚀".repeat(2_000), "x".repeat(9_000), "\u2028"),
  fc.string({ unit: "binary" }),
);
const ids = fc.constantFrom("", "call_0", "call_1", "x".repeat(60), "functions.grep:0", "ABCDEFGHI");
const names = fc.constantFrom("grep", "view_file", "", "no such tool!", "x".repeat(90), "\ud83d");
const argumentTexts = fc.oneof(
  fc.constantFrom(
    "",
    "null",
    "[]",
    "[1,2]",
    '"text"',
    "7",
    '{"path":',
    '{"path":"a\\u0000\\ud83d"}',
    '{"__proto__":1}',
  ),
  fc.json(),
  hostile,
);
const calls = fc.array(fc.record({ id: ids, name: names, text: argumentTexts }), { minLength: 1, maxLength: 3 });
const step = fc.record({ text: hostile, reasoning: fc.option(hostile), calls, outputs: fc.array(hostile) });
const turn = fc.record({
  question: fc.oneof(fc.constant("Why?"), hostile),
  steps: fc.array(step, { maxLength: 3 }),
  end: fc.constantFrom("answered", "silent", "cancelled", "failed", "died", "called", "waiting"),
  last: hostile,
  /** The deleted rows: all from this index on, and any single one. */
  deletedFrom: fc.option(fc.nat(8)),
  deleted: fc.option(fc.nat(8)),
});
type Turn = typeof turn extends fc.Arbitrary<infer T> ? T : never;

function rowsOf({ question, steps, end, last, deletedFrom, deleted }: Turn): ConversationRow[] {
  const row = (more: Partial<ConversationRow>): ConversationRow => ({
    turn_ordinal: 1,
    ...{ role: "assistant", status: "complete", content: "", tool_calls: null, tool_result: null, ...more },
  });
  const callsOf = (one: (typeof steps)[number]) =>
    one.calls.map(({ id, name, text }) => ({ id, name, arguments: parseArguments(text, false) }));
  const rows = [row({ role: "user", content: question })];
  for (const one of steps) {
    rows.push(row({ content: one.text, reasoning: one.reasoning, tool_calls: callsOf(one) }));
    for (const [at, call] of callsOf(one).entries()) {
      const tool_result = { tool_call_id: call.id, name: call.name, truncated: false, error: at === 1 ? "no" : null };
      rows.push(row({ role: "tool", content: one.outputs[at] ?? "found", tool_result }));
    }
  }
  const tool_calls = [{ id: "open", name: "grep", arguments: {} }];
  if (end === "answered") rows.push(row({ content: last }));
  if (end === "silent") rows.push(row({}));
  if (end === "cancelled" || end === "failed") rows.push(row({ status: end, content: last }));
  if (end === "called") rows.push(row({ status: "cancelled", content: last, tool_calls }));
  if (end === "died") rows.push(row({ status: "streaming", content: last, tool_calls }));
  return rows.filter((_, at) => at !== deleted && (deletedFrom === null || at < deletedFrom));
}

it("whatever happened in a session, its next request is accepted by the strictest servers", () => {
  fc.assert(
    fc.property(
      fc.array(turn, { maxLength: 6 }),
      fc.record({ steps: fc.array(step, { maxLength: 2 }), question: fc.constant("And now?") }),
      fc.record({
        model: fc.constantFrom("qwen3", "Devstral-Small"),
        traits: fc.record({
          replay_reasoning: fc.boolean(),
          no_stream_options: fc.constant(false),
          single_tool_calls: fc.boolean(),
          max_completion_tokens: fc.boolean(),
          no_max_tokens: fc.boolean(),
          no_tools: fc.boolean(),
        }),
        window: fc.constantFrom(4_000, 16_000, 131_072),
      }),
      (turns, now, peer) => {
        const build = (one: Turn, at: number) => buildTurn(at + 1, rowsOf(one), peer.traits.replay_reasoning);
        const present = { ...now, end: "waiting" as const, last: "", deletedFrom: null, deleted: null };
        const fitter = createRequestFitter(
          {
            ...{
              model: peer.model,
              system: "Be brief.\ud83d",
              unread: 0,
              cut: NO_CUT,
              mayRestore: false,
              counted: null,
            },
            ...{ earlier: turns.map(build), present: build(present, turns.length), window: peer.window },
          },
          toolOffers,
          { answerShare: 0.2, answerTokens: 16_384, defaultWindow: 32_768 },
        );
        const fitted = fitter.fit(null);
        if (!fitted.fits) {
          expect(peer.window).toBe(4_000);
          return;
        }
        const body = toRequest(
          {
            model: peer.model,
            system: "Be brief.\ud83d",
            ...fitted.request,
            tools: toolOffers,
            toolChoice: "auto",
          },
          peer.model,
          peer.traits,
        );
        const sent = JSON.parse(JSON.stringify(body));
        expect(JSON.stringify(sent.messages)).toContain("And now?");
        const calling = sent.messages.filter((message: object) => "tool_calls" in message);
        if (peer.traits.replay_reasoning)
          expect(calling.every((message: object) => "reasoning_content" in message)).toBe(true);
        for (const message of sent.messages) delete message.reasoning_content;
        expect(checkRequest(sent)).toEqual([]);
        expect(checkLikeServers(sent)).toEqual([]);
      },
    ),
    { numRuns: 500 },
  );
});
