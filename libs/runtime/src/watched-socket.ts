import { connect, type Socket } from "node:net";

/**
 * A connection that is given up when it owes an answer for too long. The Postgres client has no time limit of its own: a
 * query on a connection that a network swallowed would wait for ever and keep its place in the pool. The server ends any
 * statement after its `statement_timeout`, so that an answer which is later than that can only be lost.
 * @param silenceMs from a write to the next byte that comes in
 */
export function connectWatched(host: string, port: number, silenceMs: number): Socket {
  const socket = connect({ host, port });
  const write = socket.write.bind(socket) as Socket["write"];
  let timer: NodeJS.Timeout | undefined;
  const answered = () => {
    clearTimeout(timer);
    timer = undefined;
  };
  socket.write = ((...args: Parameters<Socket["write"]>) => {
    timer ??= setTimeout(() => socket.destroy(), silenceMs);
    return write(...args);
  }) as Socket["write"];
  socket.on("data", answered);
  socket.on("close", answered);
  return socket;
}
