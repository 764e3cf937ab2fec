import type { Message, MessageList } from "@boocode/contracts";
import { expect, test } from "vitest";
import { createWorld, type Truth } from "../test/world.ts";
import { loadSession } from "./load-session.ts";
import type { Rest } from "./rest.ts";

/** An API whose state moves on by one at every read of messages or turns, until it stands at the last. */
function restOver(states: Truth[]): { rest: Rest; reads: string[] } {
  const reads: string[] = [];
  let at = 0;
  const next = (what: string) => {
    reads.push(what);
    const state = states[Math.min(at, states.length - 1)] as Truth;
    at += 1;
    return state;
  };
  const list = ({ messages, cursor, version }: Truth): MessageList => ({
    messages: [...messages],
    cursor,
    version,
    has_more: false,
  });
  const rest = {
    listMessages: async () => list(next("messages")),
    listTurns: async () => next("turns").liveTurns,
    getSession: async () => (states.at(-1) as Truth).session,
  };
  return { rest: rest as unknown as Rest, reads };
}

const turn = { kind: "turn", steps: 1, words: 4, crashAfter: null, deletedAfter: null } as const;
const options = { downTo: 0, pageSize: 100, signal: new AbortController().signal };

test("a turn that ended between the two reads is shown with its end", async () => {
  const { truths } = createWorld([turn]);
  const end = truths.at(-1) as Truth;
  const { rest, reads } = restOver([truths[6] as Truth, end]);
  const loaded = await loadSession(rest, "session", options);
  expect(reads).toEqual(["messages", "turns", "messages"]);
  expect(loaded.cursor).toBe(end.cursor);
  expect(loaded.messages.at(-1)).toMatchObject({ content: "1:0 1:1 1:2 1:3 ", status: "complete" });
});

test("a turn that began while the messages were read again is looked for again", async () => {
  const { frames, truths } = createWorld([turn, turn]);
  const second = frames.findIndex((frame) => "cursor" in frame && frame.cursor === "2.1.n2x1.3") + 1;
  const [first, between, begun] = [truths[6], truths[10], truths[second]] as Truth[];
  const { rest, reads } = restOver([first, between, begun] as Truth[]);
  const loaded = await loadSession(rest, "session", options);
  expect(reads).toEqual(["messages", "turns", "messages", "turns"]);
  expect(loaded.cursor).toBe("2.1.n2x1.3");
  expect(loaded.liveTurns.map((live) => [live.id, live.status])).toEqual([["turn 2", "running"]]);
});

test("one read of each does while nothing ends", async () => {
  const { truths } = createWorld([turn]);
  for (const at of [0, 2, 4, 6, truths.length - 1]) {
    const { rest, reads } = restOver([truths[at] as Truth]);
    await loadSession(rest, "session", options);
    expect(reads).toEqual(["messages", "turns"]);
  }
});

test("older pages are read until the wanted turn is there", async () => {
  const messages = Array.from({ length: 9 }, (_, index) => ({ id: `${index}`, turn_ordinal: index + 1 }) as Message);
  const asked: unknown[] = [];
  const rest = {
    listTurns: async () => [],
    getSession: async () => ({}),
    listMessages: async (_: string, page: { limit: number; before?: number }) => {
      asked.push(page.before);
      const older = messages.filter((message) => message.turn_ordinal < (page.before ?? 99));
      return { messages: older.slice(-page.limit), cursor: "0.0.0.0", version: 1, has_more: older.length > page.limit };
    },
  } as unknown as Rest;
  const load = async (downTo: number) => await loadSession(rest, "session", { ...options, pageSize: 2, downTo });
  expect(await load(5)).toMatchObject({ messages: messages.slice(3), hasMore: true });
  expect(asked).toEqual([undefined, 8, 6]);
  expect(await load(0)).toMatchObject({ messages, hasMore: false });
});
