import type { HeldTurn } from "@boocode/store";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createLeases, TurnStopped } from "./leases.ts";

beforeEach(() => vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => vi.useRealTimers());

const FENCE = { turnId: "t", attempt: 1 };
const RENEWED: HeldTurn = { cancel: null, isRenewed: true };

/** A lease of 5 s with a margin of 1 s and a heartbeat every second. `row` returns null once another worker has the turn. */
function setUp(row: () => HeldTurn | null | Error) {
  const renewals: number[] = [];
  const leases = createLeases({
    leaseMs: 5_000,
    marginMs: 1_000,
    heartbeatMs: 1_000,
    async renew() {
      renewals.push(performance.now());
      const state = row();
      if (state instanceof Error) throw state;
      return new Map(state ? [[FENCE.turnId, state]] : []);
    },
    onError() {},
  });
  const lease = leases.hold(FENCE, performance.now());
  const why = () => (lease.signal.reason instanceof TurnStopped ? lease.signal.reason.why : null);
  return { leases, lease, renewals, why };
}

describe("a lease", () => {
  it("is held for as long as heartbeats renew it", async () => {
    const { leases, lease, why } = setUp(() => RENEWED);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([lease.mayWrite(), why()]).toEqual([true, null]);
    await leases.stop();
  });

  it("is lost when no renewal succeeds within its duration minus the margin", async () => {
    const { leases, lease, why } = setUp(() => new Error("the database is away"));
    await vi.advanceTimersByTimeAsync(3_900);
    expect(lease.mayWrite()).toBe(true);
    await vi.advanceTimersByTimeAsync(200);
    expect([lease.mayWrite(), why()]).toEqual([false, { kind: "lost" }]);
    await leases.stop();
  });

  it("is lost at the first write after a pause of the process, although no timer has fired", () => {
    const { lease, why } = setUp(() => RENEWED);
    vi.spyOn(performance, "now").mockReturnValue(performance.now() + 4_000);
    expect([lease.mayWrite(), why()]).toEqual([false, { kind: "lost" }]);
    vi.restoreAllMocks();
  });

  it("is lost when the turn is no longer this worker's, and is never renewed again", async () => {
    const { leases, lease, renewals, why } = setUp(() => null);
    await vi.advanceTimersByTimeAsync(10_000);
    expect([lease.mayWrite(), why(), renewals.length]).toEqual([false, { kind: "lost" }, 1]);
    await leases.stop();
  });

  it("is not lost when a heartbeat finds the turn ended while its end is being written", async () => {
    const { leases, lease, why } = setUp(() => null);
    lease.ending();
    await vi.advanceTimersByTimeAsync(3_000);
    expect([lease.mayWrite(), why()]).toEqual([true, null]);
    await leases.stop();
  });

  it("stops a cancelled or released turn, which may still write its end", async () => {
    const cancelled = setUp(() => ({ cancel: "user", isRenewed: true }));
    cancelled.leases.renewNow();
    await vi.advanceTimersByTimeAsync(0);
    expect([cancelled.why(), cancelled.lease.mayWrite()]).toEqual([{ kind: "cancelled", reason: "user" }, true]);
    const released = setUp(() => RENEWED);
    released.leases.releaseAll();
    expect([released.why(), released.lease.mayWrite()]).toEqual([{ kind: "released" }, true]);
    await Promise.all([cancelled.leases.stop(), released.leases.stop()]);
  });

  it("keeps its first reason to stop, but can still be lost afterwards", async () => {
    let row: HeldTurn | null = { cancel: "user", isRenewed: true };
    const { leases, lease, why } = setUp(() => row);
    await vi.advanceTimersByTimeAsync(1_000);
    row = null;
    await vi.advanceTimersByTimeAsync(1_000);
    expect([why(), lease.mayWrite()]).toEqual([{ kind: "cancelled", reason: "user" }, false]);
    await leases.stop();
  });

  it("is renewed again soon when its row was locked", async () => {
    let isRenewed = false;
    const { leases, renewals } = setUp(() => ({ cancel: null, isRenewed }));
    await vi.advanceTimersByTimeAsync(1_000);
    isRenewed = true;
    await vi.advanceTimersByTimeAsync(150);
    expect(renewals).toHaveLength(2);
    await leases.stop();
  });
});
