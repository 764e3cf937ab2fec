import type { Message, MessageList } from "@boocode/contracts";
import { expect, test } from "vitest";
import { createWorld, type Truth } from "../../test/world.ts";
import type { Rest } from "../rest/create-rest.ts";
import { type LoadOptions, loadSession } from "./load-session.ts";

const options = { downTo: { turn_ordinal: 0, position: 0 }, pageSize: 100, signal: new AbortController().signal };

const END = { has_more: false, next_before: null };

test("a load shows one moment: a turn that ended later is shown as it was, with the cursor to follow it from", async () => {
  const turn = { kind: "turn", steps: 1, words: 4, crashAfter: null, deletedAfter: null } as const;
  const { truths } = createWorld([turn]);
  const { messages, cursor, version, liveTurns } = truths[6] as Truth;
  const list: MessageList = { messages: [...messages], cursor, version, live_turns: [...liveTurns], ...END };
  const rest = {
    listMessages: async () => list,
    getSession: async () => (truths.at(-1) as Truth).session,
  } as unknown as Rest;
  const loaded = await loadSession(rest, "session", options);
  expect(loaded).toMatchObject({ cursor, messages, liveTurns: [{ status: "running" }] });
});

test("older pages are read until the wanted turn is reached", async () => {
  const messages = Array.from({ length: 9 }, (_, index) => ({ id: `${index}`, turn_ordinal: index + 1 }) as Message);
  const asked: unknown[] = [];
  const rest = {
    getSession: async () => ({}),
    listMessages: async (_: string, page: { limit: number; before?: number }) => {
      asked.push(page.before);
      const older = messages.filter((message) => message.turn_ordinal < (page.before ?? 99));
      return {
        messages: older.slice(-page.limit),
        cursor: "0.0.0.0",
        version: 1,
        live_turns: [],
        has_more: older.length > page.limit,
      };
    },
  } as unknown as Rest;
  const load = async (turn_ordinal: number) =>
    await loadSession(rest, "session", { ...options, pageSize: 2, downTo: { turn_ordinal, position: 0 } });
  expect(await load(5)).toMatchObject({ messages: messages.slice(3), hasMore: true });
  expect(asked).toEqual([undefined, 8, 6]);
  expect(await load(0)).toMatchObject({ messages, hasMore: false });
});

test("pages that begin within a turn are read up to the first message that the view has", async () => {
  const messages = Array.from(
    { length: 9 },
    (_, position) => ({ id: `${position}`, turn_ordinal: 1, position }) as Message,
  );
  const rest = {
    getSession: async () => ({}),
    listMessages: async (_: string, page: { limit: number; before?: string }) => {
      const end = page.before === undefined ? messages.length : Number(page.before.split(".")[1]);
      const older = messages.slice(0, end);
      const shown = older.slice(-page.limit);
      const has_more = older.length > page.limit;
      return {
        ...{ messages: shown, cursor: "0.0.0.0", version: 1, live_turns: [] },
        has_more,
        next_before: `1.${shown[0]?.position}`,
      };
    },
  } as unknown as Rest;
  const load = async (downTo: LoadOptions["downTo"]) =>
    (await loadSession(rest, "session", { ...options, pageSize: 2, downTo })).messages.map(({ id }) => id);
  expect(await load({ turn_ordinal: 1, position: 4 })).toEqual(["3", "4", "5", "6", "7", "8"]);
  expect(await load(null)).toEqual(["7", "8"]);
});
