import { randomBytes } from "node:crypto";
import type { Keys } from "@boocode/frame-log";
import type { Cluster, Redis } from "ioredis";
import { type Caller, hashSecret } from "./tokens.ts";

/** TTL of a ticket: long enough for a page to open its socket. */
export const TICKET_LIFE_MS = 30_000;

/** Creates a single-use ticket for a browser's WebSocket, which cannot set a header. */
export async function makeTicket(redis: Redis | Cluster, keys: Keys, caller: Caller): Promise<string> {
  const ticket = randomBytes(32).toString("base64url");
  await redis.set(keys.ticket(hashSecret(ticket).toString("hex")), JSON.stringify(caller), "PX", TICKET_LIFE_MS);
  return ticket;
}

/** Consumes a ticket atomically, so that it admits its caller only once. @returns null when it is unknown, used or expired */
export async function takeTicket(redis: Redis | Cluster, keys: Keys, ticket: string): Promise<Caller | null> {
  const text = await redis.getdel(keys.ticket(hashSecret(ticket).toString("hex")));
  return text === null ? null : (JSON.parse(text) as Caller);
}
