import type { Epoch } from "@boocode/contracts";

/** Every name that this system uses in Redis, below one prefix, so that two systems can share a server. */
export interface Keys {
  /** The log of one epoch's frames. The nonce is part of it: another database's log under this id is never read. */
  log(sessionId: string, epoch: Epoch): string;
  /** Where a session's frames are published. */
  session(sessionId: string): string;
  /** Where a user's frames are published. */
  user(userId: string): string;
  /** Where workers hear that a turn should stop; a hint, the database says it for good. */
  cancel: string;
  /** A socket ticket, by the hash of it. */
  ticket(hash: string): string;
  /** What the keys of the places at one model server begin with; the braces keep them together in a cluster. */
  modelSlots(server: string): string;
  /** The prefix of the job queues. */
  queues: string;
}

export function createKeys(prefix: string): Keys {
  return {
    log: (sessionId, { ordinal, attempt, nonce }) => `${prefix}:log:{${sessionId}}:${ordinal}.${attempt}.${nonce}`,
    session: (sessionId) => `${prefix}:session:${sessionId}`,
    user: (userId) => `${prefix}:user:${userId}`,
    cancel: `${prefix}:cancel`,
    ticket: (hash) => `${prefix}:ticket:${hash}`,
    modelSlots: (server) => `${prefix}:model-slots:{${server}}`,
    queues: `${prefix}:queue`,
  };
}
