import { randomUUID } from "node:crypto";
import {
  commitStep,
  endTurn,
  type Fence,
  type Pool,
  releaseTurn,
  renewLeases,
  requeueCutTurn,
  saveContext,
  saveDrafts,
  saveToolCalls,
  startMessage,
} from "@boocode/store";
import { reply, used } from "./fixture.ts";

const CONTEXT = {
  ...{ model: "old", window: 1, window_known: true, turns_dropped: 0, outputs_elided: 0, prompt_estimate: 1 },
  ...{ prompt_characters: 1, truncated_by_server: false, cut: { turn: 0, elided_turn: 0, elided_outputs: 0 } },
};

const USED = [used("broken", 9_000)];

interface WorkerWrite {
  write(pool: Pool, fence: Fence, messageId: string): Promise<unknown>;
  refused: unknown;
  /** Whether the write waits until a concurrent claim is committed. */
  waits: boolean;
}

/** Every write of a worker, with its result when the fence is lost. */
export const WORKER_WRITES: Record<string, WorkerWrite> = {
  startMessage: {
    write: (pool, fence, id) => startMessage(pool, fence, { id, position: 1, step: 0, model: "old", lastSeq: 90 }),
    refused: false,
    waits: true,
  },
  saveToolCalls: {
    write: (pool, fence, id) =>
      saveToolCalls(pool, fence, {
        reply: { ...reply(id, "old"), toolCalls: [{ id: "c", name: "grep", arguments: {} }] },
        lastSeq: 91,
        usage: USED,
      }),
    refused: false,
    waits: true,
  },
  saveDrafts: {
    write: (pool, fence, messageId) =>
      saveDrafts(pool, [{ ...fence, messageId, content: "old", reasoning: null, lastSeq: 92 }]),
    refused: new Set(),
    waits: false,
  },
  commitStep: {
    write: (pool, fence, id) =>
      commitStep(pool, fence, { reply: reply(id, "old"), step: 0, tools: [toolMessage()], lastSeq: 93, usage: USED }),
    refused: null,
    waits: true,
  },
  "endTurn complete": {
    write: (pool, fence, id) =>
      endTurn(pool, fence, { end: { status: "complete" }, reply: reply(id, "old"), lastSeq: 94, usage: USED }),
    refused: "lost",
    waits: true,
  },
  "endTurn failed": {
    write: (pool, fence, id) =>
      endTurn(pool, fence, {
        end: { status: "failed", error: { code: "internal", message: "old" } },
        reply: reply(id, "old"),
        lastSeq: 95,
        usage: USED,
      }),
    refused: "lost",
    waits: true,
  },
  "endTurn cancelled": {
    write: (pool, fence, id) =>
      endTurn(pool, fence, {
        end: { status: "cancelled", reason: "user" },
        reply: reply(id, "old"),
        lastSeq: 96,
        usage: USED,
      }),
    refused: "lost",
    waits: false,
  },
  releaseTurn: { write: (pool, fence) => releaseTurn(pool, fence, USED), refused: false, waits: true },
  renewLeases: { write: (pool, fence) => renewLeases(pool, [fence], 600_000), refused: new Map(), waits: false },
  saveContext: {
    write: (pool, fence, id) => saveContext(pool, fence, { messageId: id, context: CONTEXT, lastSeq: 97 }),
    refused: false,
    waits: true,
  },
  requeueCutTurn: {
    write: (pool, fence) => requeueCutTurn(pool, fence, { maxCuts: 9, waitMs: 0, usage: USED }),
    refused: false,
    waits: true,
  },
};

export function toolMessage(position = 2) {
  const result = { tool_call_id: "c", name: "grep", truncated: false, error: null };
  return { id: randomUUID(), position, content: "found", result };
}
