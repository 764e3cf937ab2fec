import type { UserFrame } from "@boocode/contracts";
import type { ListVersion, ListVersions } from "@boocode/store";
import type { Transport } from "../transports/transport.ts";
import { createChangeCounter, type KnownLists, type Numbered } from "./count-changes.ts";
import type { ListFrame } from "./list-frame.ts";

/** A subscriber of a user's lists: `joining` until the version of the lists has been read, then `live`. */
export interface UserSubscriber {
  readonly transport: Transport;
  /** While joining: the version that the client has; null: none. */
  state: { mode: "joining"; cursor: number | null } | { mode: "live" };
}

export function createUserSubscriber(transport: Transport, cursor: number | null): UserSubscriber {
  return { transport, state: { mode: "joining", cursor } };
}

/**
 * The lists of one user who has a subscriber here: the user's own and those of the projects that the user may read, each with a
 * channel of its own. Live subscribers have all received the same. A client that sees a gap in the versions reloads the lists.
 */
export interface UserTopic {
  readonly subscribers: ReadonlySet<UserSubscriber>;
  /** Adds a subscriber, and resolves when the version of the lists, read after this call, has been sent to it. */
  add(subscriber: UserSubscriber): Promise<void>;
  remove(subscriber: UserSubscriber): void;
  /** A frame was published on the channel of one of its lists. */
  receive(list: string, frame: ListFrame): void;
  /** The position check. @param version of the user's lists in Postgres */
  check(version: ListVersion): void;
  /** Leaves the channels of its projects. */
  close(): void;
}

export interface UserTopicDeps {
  userId: string;
  maxUnsentBytes: number;
  read(): Promise<ListVersions>;
  /** Resolves once the project's channel is subscribed. Never rejects. */
  follow(projectId: string): Promise<void>;
  leave(projectId: string): void;
  onError(error: unknown): void;
}

/** Changes of the user's own list after which other projects may be followed. */
const CHANGES_PROJECTS = new Set(["project_created", "project_deleted"]);

export function createUserTopic(deps: UserTopicDeps): UserTopic {
  const subscribers = new Set<UserSubscriber>();
  const counter = createChangeCounter<ListFrame>();
  let followed = new Set<string>();
  let running: Promise<void> = Promise.resolve();
  let waiting: Promise<void> | null = null;
  let lastCheck: KnownLists | null = null;
  let isClosed = false;

  /** Sends to live subscribers, and terminates those that do not read. */
  function send(json: string, version: number): void {
    const bytes = Buffer.from(json);
    for (const { transport, state } of subscribers) {
      if (state.mode !== "live") continue;
      if (transport.unsent() > deps.maxUnsentBytes) transport.terminate();
      else transport.send(bytes, String(version));
    }
  }
  const sendAll = (changes: Numbered<ListFrame>[]) => {
    for (const { version, frame } of changes) send(frame.withVersion(version), version);
  };
  const statement = (type: "subscribed" | "snapshot", version: number) =>
    JSON.stringify({ type, version } satisfies UserFrame);

  /** Reads the versions of the lists, after the channel of each is subscribed. */
  async function readFollowed(): Promise<ListVersions> {
    for (;;) {
      const lists = await deps.read();
      const ids = new Set(lists.projects.map(({ id }) => id));
      const isNew = [...ids].filter((id) => !followed.has(id));
      if (isClosed) return lists;
      for (const id of followed) if (!ids.has(id)) deps.leave(id);
      followed = ids;
      if (isNew.length === 0) return lists;
      await Promise.all(isNew.map(deps.follow));
    }
  }

  /** Compares what was sent with Postgres: makes joining subscribers live, and the others reload if they missed something. */
  async function catchUp(): Promise<void> {
    const joining = [...subscribers].filter(({ state }) => state.mode === "joining");
    const { total, user, projects } = await readFollowed();
    const versions = new Map([[deps.userId, user], ...projects.map(({ id, version }) => [id, version] as const)]);
    const { isBehind, next } = counter.merge({ total, versions });
    const version = counter.total() - next.length;
    if (isBehind) send(statement("snapshot", version), version);
    for (const subscriber of joining) welcome(subscriber, version);
    sendAll(next);
  }

  function welcome(subscriber: UserSubscriber, version: number): void {
    const { state, transport } = subscriber;
    if (!subscribers.has(subscriber) || state.mode !== "joining") return;
    transport.send(statement("subscribed", version), String(version));
    if (state.cursor !== null && state.cursor !== version)
      transport.send(statement("snapshot", version), String(version));
    subscriber.state = { mode: "live" };
  }

  /** Resolves at the end of a catch-up that begins after this call; one at a time. */
  function catchUpNext(): Promise<void> {
    if (waiting) return waiting;
    const next = running
      .catch(() => {})
      .then(() => {
        waiting = null;
        return catchUp();
      });
    waiting = next;
    running = next;
    return next;
  }
  const catchUpSoon = () => void catchUpNext().catch(deps.onError);

  return {
    subscribers,
    async add(subscriber) {
      subscribers.add(subscriber);
      await catchUpNext();
    },
    remove: (subscriber) => void subscribers.delete(subscriber),
    receive(list, frame) {
      const changes = counter.receive(list, frame.version, frame);
      sendAll(changes);
      // Sharing adds a project's version to the sum at once, and so leaves a gap that only Postgres can fill.
      if (list === deps.userId && (changes.length === 0 || CHANGES_PROJECTS.has(frame.type))) catchUpSoon();
    },
    check({ total, user }) {
      if (lastCheck !== null && counter.misses(lastCheck)) catchUpSoon();
      lastCheck = { total, versions: new Map([[deps.userId, user]]) };
    },
    close() {
      isClosed = true;
      for (const id of followed) deps.leave(id);
    },
  };
}
