import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createTimeouts } from "./timeouts.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("createTimeouts", () => {
  /** Waits for a step of `ms`. @returns whether it timed out */
  async function endsWithin(timeouts: ReturnType<typeof createTimeouts>, ms: number): Promise<boolean> {
    let ended = false;
    const step = timeouts.wait(new Promise((resolve) => setTimeout(resolve, ms)), () => {
      ended = true;
    });
    await vi.advanceTimersByTimeAsync(ms);
    await step;
    return ended;
  }
  const begin = () => createTimeouts(100, 1_000, () => Date.now());

  it("allows a longer wait for the first byte than for later ones", async () => {
    const timeouts = begin();
    expect(await endsWithin(timeouts, 900)).toBe(false);
    timeouts.received(true, false);
    expect(await endsWithin(timeouts, 99)).toBe(false);
    expect(await endsWithin(timeouts, 101)).toBe(true);
  });

  it("accepts keep-alives for a limited time", async () => {
    const timeouts = begin();
    for (let beat = 0; beat < 16; beat++) {
      expect(await endsWithin(timeouts, 60)).toBe(false);
      timeouts.received(false, false);
    }
    expect(await endsWithin(timeouts, 60)).toBe(true);
  });

  it("restarts with every part of the reply", async () => {
    const timeouts = begin();
    for (let part = 0; part < 50; part++) {
      expect(await endsWithin(timeouts, 60)).toBe(false);
      timeouts.received(true, false);
    }
  });
});
