import type { CloseReason } from "@boocode/contracts";
import type { Caller } from "@boocode/identity";
import { expect, test, vi } from "vitest";
import { createConnections } from "./connections.ts";

const callerWith = (tokenId: string): Caller => ({
  ...{ userId: "u", userName: "ada", role: "user", tokenId, scopes: ["read"], expiresAt: null },
});
const withToken = (tokenId: string) => async (callers: Caller[]) =>
  new Map(callers.filter((caller) => caller.tokenId !== tokenId).map((caller) => [caller, caller]));

const ALL = { changed: null, now: 0 };

function openIn(
  connections: ReturnType<typeof createConnections>,
  tokenId: string | null,
  onClose = () => {},
  facts: Partial<Caller> = {},
) {
  const closed: CloseReason[] = [];
  const transport = {
    send: () => {},
    relay: () => {},
    unsent: () => 0,
    close(reason: CloseReason) {
      closed.push(reason);
      onClose();
      leave();
    },
  };
  const leave = connections.open({
    transport: { ...transport, terminate: () => {} },
    caller: tokenId === null ? null : { ...callerWith(tokenId), ...facts },
    keepAlive: () => {},
  });
  return closed;
}

test("one check closes every connection whose caller's credential has ended, and no other", async () => {
  const connections = createConnections({ max: 10, reconnectSpreadMs: 0, mostOf: () => null });
  const closed = ["revoked", "revoked", "good", null].map((tokenId) => openIn(connections, tokenId));
  const asked: Caller[][] = [];
  await connections.checkCallers(async (callers) => {
    asked.push(callers);
    return await withToken("revoked")(callers);
  }, ALL);
  expect(asked).toEqual([["revoked", "revoked", "good"].map(callerWith)]);
  expect(closed).toEqual([["unauthenticated"], ["unauthenticated"], [], []]);
});

test("limits that are lowered hold at the next check: the newest connections past them are closed", async () => {
  const mostOf = ({ limits }: Caller) => limits?.sockets ?? null;
  const connections = createConnections({ max: 10, reconnectSpreadMs: 0, mostOf });
  const closed = ["a", "b", "c"].map((tokenId) => openIn(connections, tokenId, () => {}, { userId: "ada" }));
  const other = openIn(connections, "d", () => {}, { userId: "bob" });
  const lowered = async (callers: Caller[]) =>
    new Map(
      callers.map((caller) => [caller, caller.userId === "ada" ? { ...caller, limits: { sockets: 2 } } : caller]),
    );
  await connections.checkCallers(withToken("none"), ALL);
  await connections.checkCallers(lowered, { changed: new Set(["bob"]), now: 0 });
  expect([...closed, other]).toEqual([[], [], [], []]);
  await connections.checkCallers(lowered, { changed: new Set(["ada"]), now: 0 });
  expect([...closed, other]).toEqual([[], [], ["rate_limited"], []]);
  expect(connections.count()).toBe(3);
});

test("a check looks at each new caller once, and then at those whose access changed or whose credential expired", async () => {
  const connections = createConnections({ max: 10, reconnectSpreadMs: 0, mostOf: () => null });
  const none = () => {};
  openIn(connections, "first", none, { userId: "ada" });
  openIn(connections, "expiring", none, { userId: "bob", expiresAt: new Date(2_000).toISOString() });
  const looksAt = async (check: Parameters<typeof connections.checkCallers>[1]) => {
    let looked: unknown[] = [];
    await connections.checkCallers(async (callers) => {
      looked = callers.map(({ tokenId }) => tokenId);
      return new Map(callers.map((caller) => [caller, caller]));
    }, check);
    return looked;
  };
  const nothing = new Set<string>();
  expect(await looksAt({ changed: nothing, now: 0 })).toEqual(["first", "expiring"]);
  expect(await looksAt({ changed: nothing, now: 0 })).toEqual([]);
  openIn(connections, "second", none, { userId: "ada" });
  expect(await looksAt({ changed: nothing, now: 0 })).toEqual(["second"]);
  expect(await looksAt({ changed: new Set(["ada"]), now: 0 })).toEqual(["first", "second"]);
  expect(await looksAt({ changed: nothing, now: 2_000 })).toEqual(["expiring"]);
  expect(await looksAt(ALL)).toEqual(["first", "expiring", "second"]);
});

test("a stopping gateway closes its connections one after the other, evenly over `reconnectSpreadMs`", async () => {
  vi.useFakeTimers();
  try {
    const connections = createConnections({ max: 2_000, reconnectSpreadMs: 5_000, mostOf: () => null });
    const times: number[] = [];
    const from = Date.now();
    const closed = Array.from({ length: 1_000 }, () => openIn(connections, "t", () => times.push(Date.now() - from)));
    const drained = connections.drain();
    expect(connections.admit("192.0.2.1")).toBeNull();
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
    const connections = createConnections({ max: 100, reconnectSpreadMs: 5_000, mostOf: () => null });
    const from = Date.now();
    const closed = Array.from({ length: 20 }, () => openIn(connections, "t"));
    const gone = openIn(connections, "revoked");
    await connections.checkCallers(withToken("revoked"), ALL);
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
