import { connect, type Socket } from "node:net";

/**
 * A connection for the Postgres client that is given up when it owes an answer for too long, and that is lost in one step.
 * @param silenceMs from a write to the next byte that comes in
 */
export function connectWatched(host: string, port: number, silenceMs: number): Socket {
  const socket = connect({ host, port });
  giveUpInSilence(socket, silenceMs);
  loseInOneStep(socket);
  return socket;
}

/**
 * The client has no time limit of its own: a query on a connection that a network swallowed would wait for ever and keep its
 * place in the pool. The server ends any statement after its `statement_timeout`, so that an answer which is later than that
 * can only be lost.
 */
function giveUpInSilence(socket: Socket, silenceMs: number): void {
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
}

/**
 * Node tells of an error first and of the end of the socket later, when it closes handles. In between the client (postgres 3.4.9)
 * fails the queries that wait, but goes on taking new ones, and does not fail those when the end comes with an error: an idle
 * connection's query is answered with no rows once the connection is back, and one that stood in line is then taken for the
 * receiver of another query's answer. Here the error comes together with the end, and nothing is taken in between.
 */
function loseInOneStep(socket: Socket): void {
  const emit = socket.emit.bind(socket) as (event: string, ...args: unknown[]) => boolean;
  let failure: unknown;
  socket.emit = (event: string, ...args: unknown[]) => {
    if (event === "error") {
      failure ??= args[0];
      return true;
    }
    if (event !== "close") return emit(event, ...args);
    if (failure !== undefined) emit("error", failure);
    return emit("close", false);
  };
}
