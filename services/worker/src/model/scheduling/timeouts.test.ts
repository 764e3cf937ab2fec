import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createPatience } from "./timeouts.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("createPatience", () => {
  /** Waits so long for a step; true when patience ended first. */
  async function endsWithin(patience: ReturnType<typeof createPatience>, ms: number): Promise<boolean> {
    let ended = false;
    const step = patience.wait(new Promise((resolve) => setTimeout(resolve, ms)), () => {
      ended = true;
    });
    await vi.advanceTimersByTimeAsync(ms);
    await step;
    return ended;
  }
  const begin = () => createPatience(100, 1_000, () => Date.now());

  it("waits long for the first byte and shorter after it", async () => {
    const patience = begin();
    expect(await endsWithin(patience, 900)).toBe(false);
    patience.heard(true, false);
    expect(await endsWithin(patience, 99)).toBe(false);
    expect(await endsWithin(patience, 101)).toBe(true);
  });

  it("counts keep-alives as life, but not for ever", async () => {
    const patience = begin();
    for (let beat = 0; beat < 16; beat++) {
      expect(await endsWithin(patience, 60)).toBe(false);
      patience.heard(false, false);
    }
    expect(await endsWithin(patience, 60)).toBe(true);
  });

  it("starts anew with every part of the answer", async () => {
    const patience = begin();
    for (let part = 0; part < 50; part++) {
      expect(await endsWithin(patience, 60)).toBe(false);
      patience.heard(true, false);
    }
  });
});
