import { setTimeout as sleep } from "node:timers/promises";
import type { Heard, Peer, Session } from "../peers/peer.ts";
import { eachStamp, makeQuestion, nowUs, type Script } from "../stamp.ts";

/** One question and what its subscriber received. */
export interface Turn {
  id: string;
  script: Script;
  postedUs: number;
  /** When the first token was received. */
  firstUs: number | null;
  /** For each token, in ms, from its sending by the model to its receipt. */
  relayMs: number[];
  failure: string | null;
}

/** A session with one subscriber. */
export interface Asker {
  /** @returns the turn when it is over or has failed; never rejects */
  ask(script: Script): Promise<Turn>;
  socket: { url: string; headers: Record<string, string> } | null;
  close(): void;
}

const TIME_OUT_MS = 60_000;
const live = new Map<string, { turn: Turn; seen: Set<number> }>();
let made = 0;

function receive(text: string, atUs: number): void {
  eachStamp(text, (sentUs, number, id) => {
    const found = live.get(id);
    if (!found || found.seen.has(number)) return;
    found.seen.add(number);
    found.turn.firstUs ??= atUs;
    found.turn.relayMs.push((atUs - sentUs) / 1000);
  });
}

/** Opens sessions, each of another user, 20 at a time. */
export async function openAskers(peer: Peer, count: number): Promise<Asker[]> {
  const askers: Asker[] = [];
  while (askers.length < count) {
    const some = Array.from({ length: Math.min(20, count - askers.length) }, (_, at) => askers.length + at);
    askers.push(...(await Promise.all(some.map((user) => openAsker((heard) => peer.openSession(user, heard))))));
  }
  return askers;
}

/** @param open opens the session with its subscriber */
export async function openAsker(open: (heard: Heard) => Promise<Session>): Promise<Asker> {
  /** The ends of turns that are not over, oldest first: a session runs one turn after the other. */
  const waiting: ((failure: string | null) => void)[] = [];
  const session = await open({ text: receive, ended: (failure) => waiting.shift()?.(failure) });
  return {
    socket: session.socket,
    close: session.close,
    async ask(script) {
      const id = (++made).toString(36);
      const turn: Turn = { id, script, postedUs: nowUs(), firstUs: null, relayMs: [], failure: null };
      live.set(id, { turn, seen: new Set() });
      const over = new Promise<string | null>((resolve) => void waiting.push(resolve));
      const timer = new AbortController();
      const late = sleep(TIME_OUT_MS, "timed out", { signal: timer.signal }).catch(() => null);
      try {
        await session.ask(makeQuestion(id, script));
        turn.failure = await Promise.race([over, late]);
      } catch (error) {
        turn.failure = (error as Error).message;
      }
      timer.abort();
      live.delete(id);
      return turn;
    },
  };
}

/** From the post to the first token, beyond the time that the model takes itself. */
export const ttftMs = ({ firstUs, postedUs, script }: Turn) =>
  firstUs === null ? Number.POSITIVE_INFINITY : (firstUs - postedUs) / 1000 - script.ttftMs;
