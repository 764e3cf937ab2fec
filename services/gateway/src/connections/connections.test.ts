import type { CloseReason } from "@boocode/contracts";
import { expect, test } from "vitest";
import { createConnections } from "./connections.ts";

function openIn(connections: ReturnType<typeof createConnections>, tokenId: string | null) {
  const closed: CloseReason[] = [];
  const transport = { send: () => {}, unsent: () => 0, close: (reason: CloseReason) => void closed.push(reason) };
  connections.open({
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
