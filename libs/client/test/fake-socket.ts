import type { WebSocketLike } from "../src/index.ts";

/** A socket whose other end is the test. */
export interface FakeSocket extends WebSocketLike {
  url: string;
  sent: string[];
  state: "opening" | "open" | "closing" | "closed";
  /** The gateway accepts. */
  accept(): void;
  say(frame: object): void;
  /** The gateway closes, or the network does (1006). */
  end(code: number): void;
}

export function createFakeSocket(url: string): FakeSocket {
  const socket: FakeSocket = {
    url,
    sent: [],
    state: "opening",
    onopen: null,
    onmessage: null,
    onerror: null,
    onclose: null,
    send: (text) => void socket.sent.push(text),
    close() {
      socket.state = "closing";
    },
    terminate() {
      socket.state = "closed";
    },
    accept() {
      socket.state = "open";
      socket.onopen?.({} as never);
    },
    say: (frame) => void socket.onmessage?.({ data: JSON.stringify(frame) } as never),
    end(code) {
      socket.state = "closed";
      socket.onclose?.({ code } as never);
    },
  };
  return socket;
}
