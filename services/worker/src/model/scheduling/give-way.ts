import { every } from "@boocode/runtime";
import type { StreamReply } from "../../turn/ports.ts";

/** A request in the background was stopped, because a turn waits for its server. It may be made again later. */
export class GaveWay extends Error {
  override name = "GaveWay";
}

/** How turns at one server tell requests in the background, in any worker, that they wait. */
export interface TurnSignal {
  /** Tells that a turn waits, for a short time. */
  wait(): void;
  isWaiting(): Promise<boolean>;
  /** Whether the server has a limit, so that a turn which has its slot does not wait for others. */
  hasLimit(model: string): boolean;
}

/** A turn that has heard nothing from a server without a limit for so long may wait for a slot there. */
const SILENT_MS = 150;
const TELL_EVERY_MS = 300;
const LOOK_EVERY_MS = 100;

/** Lets requests in the background give way as soon as a turn waits for the same server. */
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
