/** What is used of a WebSocket: the browser's and that of `ws` are both such. */
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

/** One of the three, or none where a proxy adds it. */
export interface SocketCredentials {
  headers: Record<string, string>;
  ticket: string | null;
  /** Said first on the open socket. */
  greeting: string | null;
}

/** How the gateway learns who opens a socket: by headers (Node), by a ticket in the URL, or by a first message. */
export interface SocketAccess {
  open(url: string, headers: Record<string, string>): WebSocketLike;
  /** Asked before every connection. */
  credentials(): Promise<SocketCredentials>;
}
