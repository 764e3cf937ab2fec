import { randomUUID } from "node:crypto";
import {
  commitStep,
  endTurn,
  type Fence,
  handBackTurn,
  type Pool,
  renewLeases,
  saveDrafts,
  saveToolCalls,
  startMessage,
} from "@boocode/store";
import { reply } from "./stage.ts";

interface WorkerWrite {
  write(pool: Pool, fence: Fence, messageId: string): Promise<unknown>;
  refused: unknown;
  /** It waits for a claim that is under way. */
  waits: boolean;
}

/** Every write of a worker, and what it answers when the worker holds the turn no more. */
export const WORKER_WRITES: Record<string, WorkerWrite> = {
  startMessage: {
    write: (pool, fence, id) => startMessage(pool, fence, { id, position: 1, step: 0, model: "old", lastSeq: 90 }),
    refused: false,
    waits: true,
  },
  saveToolCalls: {
    write: (pool, fence, id) =>
      saveToolCalls(pool, fence, { ...reply(id, "old"), toolCalls: [{ id: "c", name: "grep", arguments: {} }] }, 91),
    refused: false,
    waits: true,
  },
  saveDrafts: {
    write: (pool, fence, messageId) =>
      saveDrafts(pool, [{ ...fence, messageId, content: "old", reasoning: null, lastSeq: 92 }]),
    refused: new Set(),
    waits: true,
  },
  commitStep: {
    write: (pool, fence, id) => commitStep(pool, fence, reply(id, "old"), 0, [toolMessage()], 93),
    refused: false,
    waits: true,
  },
  "endTurn complete": {
    write: (pool, fence, id) => endTurn(pool, fence, { status: "complete" }, reply(id, "old"), 94),
    refused: "lost",
    waits: true,
  },
  "endTurn failed": {
    write: (pool, fence, id) =>
      endTurn(pool, fence, { status: "failed", error: { code: "internal", message: "old" } }, reply(id, "old"), 95),
    refused: "lost",
    waits: true,
  },
  "endTurn cancelled": {
    write: (pool, fence, id) => endTurn(pool, fence, { status: "cancelled", reason: "user" }, reply(id, "old"), 96),
    refused: "lost",
    waits: false,
  },
  handBackTurn: { write: (pool, fence) => handBackTurn(pool, fence), refused: false, waits: true },
  renewLeases: { write: (pool, fence) => renewLeases(pool, [fence], 600_000), refused: new Map(), waits: true },
};

export function toolMessage(position = 2) {
  const result = { tool_call_id: "c", name: "grep", truncated: false, error: null };
  return { id: randomUUID(), position, content: "found", result };
}
