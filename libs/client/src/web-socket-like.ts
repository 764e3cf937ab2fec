/** The part of a WebSocket that this library uses; both the browser's and that of `ws` have it. */
export interface WebSocketLike {
  send(text: string): void;
  close(code?: number): void;
  /** Drops the connection without a closing handshake; `ws` has it, browsers do not. */
  terminate?(): void;
  onopen: ((event: never) => unknown) | null;
  onmessage: ((event: never) => unknown) | null;
  onerror: ((event: never) => unknown) | null;
  onclose: ((event: never) => unknown) | null;
}

/** One of the three is set, or none where a proxy adds the token. */
export interface SocketCredentials {
  headers: Record<string, string>;
  ticket: string | null;
  /** The first message to send on the open socket. */
  greeting: string | null;
}

/** How the gateway learns who opens a socket: by headers (Node), by a ticket in the URL, or by a first message. */
export interface SocketAccess {
  open(url: string, headers: Record<string, string>): WebSocketLike;
  /** Called before every connection. */
  credentials(): Promise<SocketCredentials>;
}
