import type { Message } from "@boocode/contracts";
import { compareEpochs, type Position, parseCursor, sameEpoch } from "@boocode/contracts/position";
import { expect } from "vitest";
import type { SessionView } from "../src/index.ts";
import type { Truth, World } from "./world.ts";

/**
 * Checks D1, D2, that the version does not go back, and that within an epoch no word or message disappears without a reason.
 * @param cause what caused the step: if its version is newer, it may reflect deletions that were not announced
 */
export function expectStep(world: World, before: SessionView, after: SessionView, cause: object = after): void {
  const announced = "version" in cause ? (cause.version as number) : after.version;
  for (const { id, role, content } of after.messages) {
    if (role !== "assistant") continue;
    expect((world.written.get(id) ?? []).some((text) => text.startsWith(content))).toBe(true);
  }
  const [from, to] = [parseCursor(before.cursor) as Position, parseCursor(after.cursor) as Position];
  const order = compareEpochs(to.epoch, from.epoch);
  expect(order > 0 || (order === 0 && to.seq >= from.seq)).toBe(true);
  expect(after.version).toBeGreaterThanOrEqual(before.version);
  if (!sameEpoch(from.epoch, to.epoch)) return;
  for (const message of before.messages) {
    const same = after.messages.find((one) => one.id === message.id);
    if (same) expect(same.content.startsWith(message.content)).toBe(true);
    else expect(Math.max(announced, after.version)).toBeGreaterThan(before.version);
  }
}

/** Checks D7: the view equals what is stored. */
export function expectTruth(view: SessionView, truth: Truth): void {
  const shown = ({
    id,
    content,
    status,
    turn_ordinal,
    position,
    citations = null,
  }: Pick<Message, "id" | "content" | "status" | "turn_ordinal" | "position" | "citations">) => ({
    ...{ id, content, status, turn_ordinal, position, citations },
  });
  const stored = [...truth.messages].sort((a, b) => a.turn_ordinal - b.turn_ordinal || a.position - b.position);
  expect(view.messages.map(shown)).toEqual(stored.map(shown));
  expect(view.cursor).toBe(truth.cursor);
  expect(view.version).toBe(truth.version);
  expect(view.session?.name).toBe(truth.session.name);
  const queued = truth.allTurns.filter((turn) => turn.status === "queued");
  expect(view.queue.map((turn) => turn.id)).toEqual(queued.map((turn) => turn.id));
  for (const turn of Object.values(view.turns)) {
    if (turn.status === "ended") continue;
    expect(turn.status).toBe(truth.allTurns.find((one) => one.id === turn.id)?.status);
  }
}
