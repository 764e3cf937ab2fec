import type { CloseReason, GoingAway } from "@boocode/contracts";
import type { Caller } from "@boocode/identity";
import type { z } from "zod";
import type { Transport } from "../transports/transport.ts";
import { type Admission, createPlaces } from "./places.ts";

/** An open socket or event stream. */
interface Connection {
  readonly transport: Transport;
  /** null until the connection is authenticated. */
  caller: Caller | null;
  /** Sends a ping when one is due, and terminates a peer that does not answer. */
  keepAlive(now: number): void;
}

/** All connections of this gateway. */
export interface Connections {
  /**
   * Takes a place for a client whose credential is not proven yet. At most a tenth of all places are for these, and of that tenth
   * at most half for those of one address, so that they cannot keep others out.
   * @returns null when there is none
   */
  admit(address: string): Admission | null;
  /** @returns a function to call when the connection has closed */
  open(connection: Connection): () => void;
  isDraining(): boolean;
  count(): number;
  keepAlive(): void;
  /**
   * Closes the connections of callers whose credential has ended: it expired or was revoked, or its user was disabled or
   * deleted (D9). Of the others the present limits hold from then on, and the newest connections past a user's limit are closed.
   * @param renew one query for all callers that are looked at, which returns them as they are now, without those that have ended
   * @param check `changed`: looks only at these users and at connections that no call has looked at; null: at all. If this throws, the
   * next call must be for all users. `now`: the time by which a credential has expired, in milliseconds
   */
  checkCallers(
    renew: (callers: Caller[]) => Promise<Map<Caller, Caller>>,
    check: { changed: ReadonlySet<string> | null; now: number },
  ): Promise<void>;
  /** Whether a caller is connected. */
  hasCallers(): boolean;
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

/** @param options `mostOf`: how many connections a caller's user may have; null: any number */
export function createConnections(options: {
  max: number;
  reconnectSpreadMs: number;
  mostOf(caller: Caller): number | null;
}): Connections {
  const connections = new Set<Connection>();
  const checked = new WeakSet<Connection>();
  const places = createPlaces(options.max);
  let draining = false;
  let whenEmpty = () => {};

  /** Closes the newest connections of these users past their limit. */
  function closeExcess(users: ReadonlySet<string>): void {
    const counts = new Map<string, number>();
    for (const { caller, transport } of connections) {
      if (!caller || !users.has(caller.userId)) continue;
      const count = (counts.get(caller.userId) ?? 0) + 1;
      counts.set(caller.userId, count);
      if (count > (options.mostOf(caller) ?? Number.POSITIVE_INFINITY)) {
        transport.close("rate_limited" satisfies CloseReason);
      }
    }
  }

  return {
    open(connection) {
      connections.add(connection);
      return () => {
        connections.delete(connection);
        if (connections.size === 0) whenEmpty();
      };
    },
    admit: (address) => (draining ? null : places.admit(address)),
    isDraining: () => draining,
    count: () => connections.size,
    keepAlive() {
      const now = performance.now();
      for (const connection of connections) connection.keepAlive(now);
    },
    hasCallers: () => [...connections].some(({ caller }) => caller !== null),
    async checkCallers(renew, { changed, now }) {
      const open = [...connections].flatMap((connection) => {
        const { caller, transport } = connection;
        if (!caller) return [];
        const isNew = !checked.has(connection);
        const isExpired = caller.expiresAt !== null && Date.parse(caller.expiresAt) <= now;
        return isNew || isExpired || (changed?.has(caller.userId) ?? true) ? [{ caller, transport, connection }] : [];
      });
      if (open.length === 0) return;
      const renewed = await renew(open.map(({ caller }) => caller));
      const users = new Set<string>();
      for (const { caller, transport, connection } of open) {
        checked.add(connection);
        const known = renewed.get(caller);
        if (!known) transport.close("unauthenticated" satisfies CloseReason);
        else {
          connection.caller = known;
          users.add(known.userId);
        }
      }
      closeExcess(users);
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
