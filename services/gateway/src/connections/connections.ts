import type { CloseReason, GoingAway } from "@boocode/contracts";
import type { Caller } from "@boocode/identity";
import type { z } from "zod";
import type { Transport } from "../transports/transport.ts";

/** An open socket or event stream. */
interface Connection {
  readonly transport: Transport;
  /** null until the connection is authenticated. */
  caller: Caller | null;
  /** The client has sent no token yet; it has AUTH_TIMEOUT_MS to do so. */
  isAnonymous: boolean;
  /** Sends a ping when one is due, and terminates a peer that does not answer. */
  keepAlive(now: number): void;
}

/** All connections of this gateway. */
export interface Connections {
  /** @returns a function to call when the connection has closed */
  open(connection: Connection): () => void;
  /** @param isAnonymous at most a tenth of all connections may be, so that they cannot keep authenticated clients out */
  isFull(isAnonymous: boolean): boolean;
  count(): number;
  keepAlive(): void;
  /**
   * Closes the connections of callers whose credential has ended: it expired or was revoked, or its user was disabled or
   * deleted (D9).
   * @param findEnded one query for all callers
   */
  checkCallers(findEnded: (callers: Caller[]) => Promise<Set<Caller>>): Promise<void>;
  /**
   * Refuses new connections, closes the existing ones one after the other over `reconnectSpreadMs`, and resolves when all have
   * closed. Each client may reconnect to another gateway at once; those whose turn has not come still receive frames.
   */
  drain(): Promise<void>;
}

const DRAIN_TICK_MS = 50;
/** Limits the spread by the number of connections, so that a few leave sooner than `reconnectSpreadMs`. */
const DRAIN_MS_EACH = 10;

function sendAway({ transport }: Connection): void {
  const goingAway: z.infer<typeof GoingAway> = {
    type: "going_away",
    retry_after_ms: Math.floor(Math.random() * DRAIN_TICK_MS),
  };
  transport.send(JSON.stringify(goingAway), null);
  transport.close("going_away");
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
    keepAlive() {
      const now = performance.now();
      for (const connection of connections) connection.keepAlive(now);
    },
    async checkCallers(findEnded) {
      const open = [...connections].flatMap(({ caller, transport }) => (caller ? [{ caller, transport }] : []));
      if (open.length === 0) return;
      const ended = await findEnded(open.map(({ caller }) => caller));
      for (const { caller, transport } of open) {
        if (ended.has(caller)) transport.close("unauthenticated" satisfies CloseReason);
      }
    },
    async drain() {
      draining = true;
      if (connections.size === 0) return;
      const empty = new Promise<void>((resolve) => {
        whenEmpty = resolve;
      });
      const waiting = [...connections];
      const spreadMs = Math.min(options.reconnectSpreadMs, waiting.length * DRAIN_MS_EACH);
      const each = Math.ceil((waiting.length * DRAIN_TICK_MS) / Math.max(spreadMs, DRAIN_TICK_MS));
      const sendSome = () => {
        for (const connection of waiting.splice(0, each)) if (connections.has(connection)) sendAway(connection);
        if (waiting.length > 0) setTimeout(sendSome, DRAIN_TICK_MS);
      };
      sendSome();
      await empty;
    },
  };
}
