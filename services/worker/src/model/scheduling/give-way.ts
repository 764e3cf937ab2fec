import { every } from "@boocode/runtime";
import type { StreamReply } from "../../turn/ports.ts";

/** A background request was stopped because a turn waits for its server. It may be retried later. */
export class GaveWay extends Error {
  override name = "GaveWay";
}

/** How turns that wait for a server signal this to background requests in any worker. */
export interface TurnSignal {
  /** Signals that a turn waits. The signal expires after a short time. */
  wait(): void;
  isWaiting(): Promise<boolean>;
  /** Whether the server has a limit. If so, a turn that holds a slot does not wait at the server itself. */
  hasLimit(model: string): boolean;
}

/** At a server without a limit, a turn may be waiting for a slot after this much silence. */
const SILENT_MS = 150;
const TELL_EVERY_MS = 300;
const LOOK_EVERY_MS = 100;

/** Stops background requests as soon as a turn waits for the same server. */
export function givingWay(stream: StreamReply, turns: TurnSignal): StreamReply {
  return (request, signal) => (request.inBackground ? inBackground : inTurn)(stream, turns, request, signal);
}

type Ask = (stream: StreamReply, turns: TurnSignal, ...request: Parameters<StreamReply>) => ReturnType<StreamReply>;

const inTurn: Ask = async function* (stream, turns, request, signal) {
  let timer: NodeJS.Timeout | undefined;
  const tell = () => {
    turns.wait();
    timer = setTimeout(tell, TELL_EVERY_MS);
  };
  if (!turns.hasLimit(request.model ?? "")) timer = setTimeout(tell, SILENT_MS);
  try {
    for await (const event of stream(request, signal)) {
      clearTimeout(timer);
      if (event.type === "waiting" && event.reason === "slot") tell();
      yield event;
    }
  } finally {
    clearTimeout(timer);
  }
};

const inBackground: Ask = async function* (stream, turns, request, signal) {
  const stopped = new AbortController();
  const look = async () => {
    if (await turns.isWaiting()) stopped.abort(new GaveWay("a turn waits for the same model server"));
  };
  const stop = every(
    () => LOOK_EVERY_MS,
    look,
    () => {},
  );
  try {
    await look();
    yield* stream(request, AbortSignal.any([signal, stopped.signal]));
  } finally {
    void stop();
  }
};
