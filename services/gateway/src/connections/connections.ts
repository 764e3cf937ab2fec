import type { CloseReason, GoingAway } from "@boocode/contracts";
import type { z } from "zod";
import type { Transport } from "../transports/transport.ts";

/** A socket or an event stream, from its first byte to its last. */
interface Connection {
  readonly transport: Transport;
  /** null until it is authenticated. */
  tokenId: string | null;
  /** It has shown nothing yet, and has some seconds to send its token. */
  isAnonymous: boolean;
  /** Shows that this side is alive, or ends a peer that is not. */
  beat(now: number): void;
}

/** All connections of this gateway. */
export interface Connections {
  open(connection: Connection): () => void;
  /** @param isAnonymous for one that shows nothing: of those there is room for a tenth, so that they can keep nobody out */
  isFull(isAnonymous: boolean): boolean;
  count(): number;
  beat(): void;
  /** Ends those whose token is no longer good. */
  checkTokens(findRevoked: (tokenIds: string[]) => Promise<string[]>): Promise<void>;
  /** Takes no more, tells everybody when to come back, and resolves when all are gone. */
  drain(): Promise<void>;
}

export function createConnections(options: { max: number; reconnectSpreadMs: number }): Connections {
  const connections = new Set<Connection>();
  let draining = false;
  let whenEmpty = () => {};

  return {
    open(connection) {
      connections.add(connection);
      return () => {
        connections.delete(connection);
        if (connections.size === 0) whenEmpty();
      };
    },
    isFull(isAnonymous) {
      if (draining || connections.size >= options.max) return true;
      if (!isAnonymous) return false;
      const anonymous = [...connections].filter((connection) => connection.isAnonymous);
      return anonymous.length >= Math.ceil(options.max / 10);
    },
    count: () => connections.size,
    beat() {
      const now = performance.now();
      for (const connection of connections) connection.beat(now);
    },
    async checkTokens(findRevoked) {
      const tokens = new Set<string>();
      for (const { tokenId } of connections) if (tokenId) tokens.add(tokenId);
      if (tokens.size === 0) return;
      const revoked = new Set(await findRevoked([...tokens]));
      if (revoked.size === 0) return;
      for (const { tokenId, transport } of connections) {
        if (tokenId && revoked.has(tokenId)) transport.close("unauthenticated" satisfies CloseReason);
      }
    },
    async drain() {
      draining = true;
      if (connections.size === 0) return;
      const empty = new Promise<void>((resolve) => {
        whenEmpty = resolve;
      });
      for (const { transport } of connections) {
        const goingAway: z.infer<typeof GoingAway> = {
          type: "going_away",
          retry_after_ms: Math.floor(Math.random() * options.reconnectSpreadMs),
        };
        transport.send(JSON.stringify(goingAway), null);
        transport.close("going_away");
      }
      await empty;
    },
  };
}
