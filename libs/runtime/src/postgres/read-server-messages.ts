// PURE

/** An error of the server. `code` is an SQLSTATE. */
export interface ServerError extends Error {
  severity: string;
  code: string;
}

/** What the client should receive of a piece, in order, and the error with which the connection is to be closed after that. */
export interface Received {
  pass: Buffer[];
  end: (Error & { code: string }) | null;
}

/** A message of the PostgreSQL protocol begins with a letter and a length that includes itself but not the letter. */
const HEADER_BYTES = 5;
const [COMMAND_COMPLETE, DATA_ROW, ERROR_RESPONSE, READY_FOR_QUERY] = [0x43, 0x44, 0x45, 0x5a];
/** The status in ReadyForQuery outside of a transaction. */
const IDLE = 0x49;
const READ_ONLY = "25006";

/** A CommandComplete message, whose tag names no command and no number of rows. */
const END_OF_ROWS = Buffer.from([COMMAND_COMPLETE, 0, 0, 0, 9, ...Buffer.from("NONE\0")]);

/**
 * Reads what a Postgres server sends on one connection, in pieces of any size, and decides when the connection ends. It
 * works around two faults of the client (postgres 3.4.9), which keeps state of a query after it has failed:
 * - A FATAL error that ended a query also fails the first query after the next connect. It is therefore withheld and returned.
 * - The client counts the rows of a result and resets the count at CommandComplete only. After an error in the middle of a
 *   result, the next result on the connection begins with that many holes: a valid token finds no user. So a CommandComplete
 *   is inserted before the first row after such an error. At that point the client has an active query, and it resets the count
 *   without ending the query (that happens at ReadyForQuery). With a cursor it would also send a Sync; we use no cursors. After
 *   a reconnect, the client's own query for array types resets the count.
 *
 * A connection that is read-only stays so for its life: its server has become a replica, or began the session under a
 * read-only default. After such an error it is closed as soon as it is idle, and the next query opens a new one. It is not
 * closed earlier, because in a transaction the client still sends a ROLLBACK.
 */
export function createServerReader(): (piece: Buffer) => Received {
  /** The bytes received so far of an incomplete header, error or ReadyForQuery. They have been passed on already. */
  let begun = Buffer.alloc(0);
  /** Remaining bytes of any other message. */
  let toSkip = 0;
  let result: "complete" | "rows" | "cut" = "complete";
  let readOnly = false;

  return (piece) => {
    const pass: Buffer[] = [];
    /** The start of the bytes that are not in `pass` yet. */
    let from = 0;
    const passUntil = (to: number) => {
      if (to > from) pass.push(piece.subarray(from, to));
      from = Math.max(from, to);
    };
    let place = Math.min(toSkip, piece.length);
    toSkip -= place;
    while (toSkip === 0 && place < piece.length) {
      const before = begun.length;
      const bytes = before === 0 ? piece.subarray(place) : Buffer.concat([begun, piece.subarray(place)]);
      const type = bytes[0];
      if (before === 0 && type === DATA_ROW && result === "cut") {
        passUntil(place);
        pass.push(END_OF_ROWS);
      }
      if (type === DATA_ROW) result = "rows";
      if (bytes.length < HEADER_BYTES) {
        begun = Buffer.from(bytes);
        break;
      }
      const length = 1 + bytes.readInt32BE(1);
      if ((type === ERROR_RESPONSE || type === READY_FOR_QUERY) && bytes.length < length) {
        begun = Buffer.from(bytes);
        break;
      }
      if (type === ERROR_RESPONSE) {
        const error = readError(bytes.subarray(HEADER_BYTES, length));
        if (error.severity === "FATAL" || error.severity === "PANIC") {
          passUntil(place);
          return { pass, end: error };
        }
        if (result === "rows") result = "cut";
        if (error.code === READ_ONLY) readOnly = true;
      } else if (type === READY_FOR_QUERY && readOnly && bytes[HEADER_BYTES] === IDLE) {
        passUntil(place + length - before);
        // To the queries that are still waiting, the connection is lost.
        return { pass, end: Object.assign(new Error("the connection was read-only"), { code: "CONNECTION_CLOSED" }) };
      } else if (type === COMMAND_COMPLETE) result = "complete";
      begun = Buffer.alloc(0);
      const rest = bytes.length - length;
      toSkip = Math.max(0, -rest);
      place = piece.length - Math.max(0, rest);
    }
    passUntil(piece.length);
    return { pass, end: null };
  };
}

/** @param fields each a letter and a text that ends with a zero byte */
export function readError(fields: Buffer): ServerError {
  const values = new Map<string, string>();
  for (const field of fields.toString("utf8").split("\0")) values.set(field.charAt(0), field.slice(1));
  const error = new Error(values.get("M") ?? "the server ended the connection");
  const severity = values.get("V") ?? values.get("S") ?? "";
  return Object.assign(error, { name: "PostgresError", severity, code: values.get("C") ?? "" });
}
