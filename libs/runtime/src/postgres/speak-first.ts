import type { Socket } from "node:net";
import type { Login } from "./channel-binding.ts";
import { readError } from "./read-server-messages.ts";

/** A session that has logged in, but whose client has not received ReadyForQuery yet. */
export interface NewSession {
  /** The process id from BackendKeyData, which is meant for cancel requests. */
  pid: number;
  /** Runs one statement. @returns its rows, as text */
  ask(statement: string): Promise<(string | null)[][]>;
}

const [AUTHENTICATION, BACKEND_KEY, DATA_ROW, ERROR, READY, STATUS] = [..."RKDEZS"].map((letter) =>
  letter.charCodeAt(0),
);
/** Far above what a server sends before the first query. */
const LONGEST_MESSAGE = 1_048_576;

/**
 * Runs statements after the login and before the client's first query: ReadyForQuery is withheld from the client until `prepare`
 * is done. A session's settings cannot be in the startup message, because poolers refuse them there. If `prepare` or `login`
 * fails, the socket is destroyed with its error, so that the client reports a failed connect.
 * @param login replaces the client's own login
 */
export function speakFirst(
  socket: Socket,
  prepare: (session: NewSession) => Promise<void>,
  login: Login | undefined,
): void {
  const emit = socket.emit.bind(socket) as (event: string, ...args: unknown[]) => boolean;
  let received = Buffer.alloc(0);
  let pid = 0;
  let stage: "login" | "prepare" | "done" = "login";
  let question: Question | undefined;

  socket.emit = (event: string, ...args: unknown[]) => {
    if (event === "close")
      question?.reject(Object.assign(new Error("the database hung up"), { code: "CONNECTION_CLOSED" }));
    if (event !== "data" || stage === "done") return emit(event, ...args);
    received = Buffer.concat([received, args[0] as Buffer]);
    for (let message = takeMessage(); message; message = takeMessage()) take(message);
    return true;
  };

  function takeMessage(): Buffer | undefined {
    if (received.length < 5 || stage === "done") return undefined;
    const length = 1 + received.readInt32BE(1);
    if (length > LONGEST_MESSAGE) socket.destroy(new Error("the server's answer is not PostgreSQL's"));
    if (received.length < length || length > LONGEST_MESSAGE) return undefined;
    const message = received.subarray(0, length);
    received = received.subarray(length);
    return message;
  }

  function take(message: Buffer): void {
    const type = message[0];
    if (stage === "login" && type === READY) {
      stage = "prepare";
      prepare({ pid, ask }).then(
        () => {
          stage = "done";
          emit("data", Buffer.concat([message, received]));
        },
        (error) => socket.destroy(error as Error),
      );
    } else if (type === AUTHENTICATION && login) {
      login(message).then(
        (reply) => (reply === null ? emit("data", message) : socket.write(reply)),
        (error) => socket.destroy(error as Error),
      );
    } else if (stage === "login") {
      if (type === BACKEND_KEY) pid = message.readInt32BE(5);
      emit("data", message);
    } else if (type === STATUS) emit("data", message);
    else if (type === DATA_ROW) question?.rows.push(readRow(message));
    else if (type === ERROR && question) question.error ??= readError(message.subarray(5));
    else if (type === READY) {
      const { error, rows, resolve, reject } = question as Question;
      question = undefined;
      if (error) reject(error);
      else resolve(rows);
    }
  }

  function ask(statement: string): Promise<(string | null)[][]> {
    return new Promise((resolve, reject) => {
      question = { rows: [], error: undefined, resolve, reject };
      const text = Buffer.from(`${statement}\0`);
      const header = Buffer.from([0x51, 0, 0, 0, 0]);
      header.writeInt32BE(text.length + 4, 1);
      socket.write(Buffer.concat([header, text]));
    });
  }
}

interface Question {
  rows: (string | null)[][];
  error: Error | undefined;
  resolve(rows: (string | null)[][]): void;
  reject(error: Error): void;
}

function readRow(message: Buffer): (string | null)[] {
  const row: (string | null)[] = [];
  let place = 7;
  for (let columns = message.readInt16BE(5); columns > 0; columns--) {
    const length = message.readInt32BE(place);
    place += 4;
    row.push(length < 0 ? null : message.toString("utf8", place, place + length));
    place += Math.max(0, length);
  }
  return row;
}
