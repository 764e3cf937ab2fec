// PURE

/** The FATAL error with which the server closes a connection. `code` is an SQLSTATE. */
interface FatalError extends Error {
  severity: string;
  code: string;
}

/** What the client should receive of a piece, in order, and the FATAL error that follows it. */
export interface Received {
  pass: Buffer[];
  fatal: FatalError | null;
}

/** A message of the PostgreSQL protocol begins with a letter and a length that includes itself but not the letter. */
const HEADER_BYTES = 5;
const [COMMAND_COMPLETE, DATA_ROW, ERROR_RESPONSE] = [0x43, 0x44, 0x45];

/** A CommandComplete message, whose tag names no command and no number of rows. */
const END_OF_ROWS = Buffer.from([COMMAND_COMPLETE, 0, 0, 0, 9, ...Buffer.from("NONE\0")]);

/**
 * Reads what a Postgres server sends on one connection, in pieces of any size, and works around two faults of the client
 * (postgres 3.4.9), which keeps state of a query after it has failed:
 * - A FATAL error that ended a query also fails the first query after the next connect. It is therefore withheld and returned.
 * - The client counts the rows of a result and resets the count at CommandComplete only. After an error in the middle of a
 *   result, the next result on the connection begins with that many holes: a valid token finds no user. So a CommandComplete
 *   is inserted before the first row after such an error. At that point the client has an active query, and it resets the count
 *   without ending the query (that happens at ReadyForQuery). With a cursor it would also send a Sync; we use no cursors. After
 *   a reconnect, the client's own query for array types resets the count.
 */
export function createServerReader(): (piece: Buffer) => Received {
  /** The bytes received so far of an incomplete header or error. They have been passed on already. */
  let begun = Buffer.alloc(0);
  /** Remaining bytes of a message that is not an error. */
  let toSkip = 0;
  let result: "complete" | "rows" | "cut" = "complete";

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
      if (type === ERROR_RESPONSE) {
        if (bytes.length < length) {
          begun = Buffer.from(bytes);
          break;
        }
        const fatal = readError(bytes.subarray(HEADER_BYTES, length));
        if (fatal) {
          passUntil(place);
          return { pass, fatal };
        }
        if (result === "rows") result = "cut";
      } else if (type === COMMAND_COMPLETE) result = "complete";
      begun = Buffer.alloc(0);
      const rest = bytes.length - length;
      toSkip = Math.max(0, -rest);
      place = piece.length - Math.max(0, rest);
    }
    passUntil(piece.length);
    return { pass, fatal: null };
  };
}

/**
 * @param fields each a letter and a text that ends with a zero byte. @returns null when the error does not end the connection
 */
function readError(fields: Buffer): FatalError | null {
  const values = new Map<string, string>();
  for (const field of fields.toString("utf8").split("\0")) values.set(field.charAt(0), field.slice(1));
  const severity = values.get("V") ?? values.get("S") ?? "";
  if (severity !== "FATAL" && severity !== "PANIC") return null;
  const error = new Error(values.get("M") ?? "the server ended the connection");
  return Object.assign(error, { name: "PostgresError", severity, code: values.get("C") ?? "" });
}
