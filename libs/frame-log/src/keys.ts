import type { Epoch } from "@boocode/contracts";

/**
 * Every Redis key and channel of this system, under one prefix, so that two systems can share a server. In a Redis Cluster, keys
 * that are used together must be in one slot, which the hash tag in braces determines.
 */
export interface Keys {
  /** The log of one epoch's frames. The key contains the nonce, so that the log of another database is never read. */
  log(sessionId: string, epoch: Epoch): string;
  /** The channel on which a session's frames are published. */
  session(sessionId: string): string;
  /** The channel on which the changes of a user's own lists are published. */
  user(userId: string): string;
  /** The channel on which the changes of a project's list are published, for all who may read it. */
  project(projectId: string): string;
  /** The channel of cancel hints to workers; the database has the authoritative status. */
  cancel: string;
  /** The key of a socket ticket, which contains only the ticket's hash. */
  ticket(hash: string): string;
  /** The bucket of one rate of a user or an address. Those of one subject are in one cluster slot. */
  rate(subject: string, name: string): string;
  /** The key prefix of the slots at one model server. */
  modelSlots(server: string): string;
  /** The prefix of the job queues. */
  queues: string;
  /** The prefix of the job queues before they had a cluster slot. */
  oldQueues: string;
  /** An unused key in the cluster slot of a session's logs, so that what is published at its node keeps its order. */
  placeOf(id: string): string;
  /** A key and a channel that nothing else uses, for readiness checks. */
  check: string;
}

export function createKeys(prefix: string): Keys {
  return {
    log: (sessionId, { ordinal, attempt, nonce }) => `${prefix}:log:{${sessionId}}:${ordinal}.${attempt}.${nonce}`,
    session: (sessionId) => `${prefix}:session:${sessionId}`,
    user: (userId) => `${prefix}:user:${userId}`,
    project: (projectId) => `${prefix}:project:${projectId}`,
    cancel: `${prefix}:cancel`,
    ticket: (hash) => `${prefix}:ticket:${hash}`,
    rate: (subject, name) => `${prefix}:rate:{${subject}}:${name}`,
    modelSlots: (server) => `${prefix}:model-slots:{${server}}`,
    queues: `${prefix}:{jobs}:queue`,
    oldQueues: `${prefix}:queue`,
    placeOf: (id) => `${prefix}:place:{${id}}`,
    check: `${prefix}:check`,
  };
}
