import type { CloseReason } from "@boocode/contracts";
import { expect, test, vi } from "vitest";
import { createConnections } from "./connections.ts";

function openIn(connections: ReturnType<typeof createConnections>, tokenId: string | null, onClose = () => {}) {
  const closed: CloseReason[] = [];
  const transport = {
    send: () => {},
    unsent: () => 0,
    close(reason: CloseReason) {
      closed.push(reason);
      onClose();
      leave();
    },
  };
  const leave = connections.open({
    transport: { ...transport, terminate: () => {} },
    tokenId,
    isAnonymous: tokenId === null,
    keepAlive: () => {},
  });
  return closed;
}

test("one token check closes every connection whose token was revoked, and no other", async () => {
  const connections = createConnections({ max: 10, reconnectSpreadMs: 0 });
  const closed = ["revoked", "revoked", "good", null].map((tokenId) => openIn(connections, tokenId));
  const asked: string[][] = [];
  await connections.checkTokens(async (tokenIds) => {
    asked.push(tokenIds);
    return ["revoked"];
  });
  expect(asked).toEqual([["revoked", "good"]]);
  expect(closed).toEqual([["unauthenticated"], ["unauthenticated"], [], []]);
});

test("a stopping gateway closes its connections one after the other, evenly over `reconnectSpreadMs`", async () => {
  vi.useFakeTimers();
  try {
    const connections = createConnections({ max: 2_000, reconnectSpreadMs: 5_000 });
    const times: number[] = [];
    const from = Date.now();
    const closed = Array.from({ length: 1_000 }, () => openIn(connections, "t", () => times.push(Date.now() - from)));
    const drained = connections.drain();
    expect(connections.isFull(false)).toBe(true);
    await vi.runAllTimersAsync();
    await drained;
    expect(closed.flat()).toEqual(closed.map(() => "going_away"));
    const within = (fromMs: number, toMs: number) => times.filter((time) => time >= fromMs && time < toMs).length;
    for (const second of [0, 1, 2, 3, 4]) expect(within(second * 1_000, (second + 1) * 1_000)).toBe(200);
  } finally {
    vi.useRealTimers();
  }
});

test("a few connections leave much sooner, and one that has already closed is not waited for", async () => {
  vi.useFakeTimers();
  try {
    const connections = createConnections({ max: 100, reconnectSpreadMs: 5_000 });
    const from = Date.now();
    const closed = Array.from({ length: 20 }, () => openIn(connections, "t"));
    const gone = openIn(connections, "revoked");
    await connections.checkTokens(async () => ["revoked"]);
    const drained = connections.drain();
    await vi.runAllTimersAsync();
    await drained;
    expect(closed.flat()).toHaveLength(20);
    expect(gone).toEqual(["unauthenticated"]);
    expect(Date.now() - from).toBeLessThan(300);
  } finally {
    vi.useRealTimers();
  }
});
