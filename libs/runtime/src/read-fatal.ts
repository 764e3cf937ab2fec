// PURE

/** The error with which the server closes a connection. `code` is an SQLSTATE. */
interface FatalError extends Error {
  severity: string;
  code: string;
}

/** The FATAL error, and the offset in the newest bytes at which its message begins (0 if it began earlier). */
export interface Fatal {
  at: number;
  error: FatalError;
}

/** A message of the PostgreSQL protocol begins with a letter and a length that includes itself but not the letter. */
const HEADER_BYTES = 5;
const ERROR_RESPONSE = 0x45;

/**
 * Parses what a Postgres server sends, message by message, in pieces of any size.
 * @returns a function that takes the next piece; null until the server has sent an error that ends the connection
 */
export function createFatalReader(): (piece: Buffer) => Fatal | null {
  /** The bytes of an incomplete header or of an incomplete error. */
  let begun = Buffer.alloc(0);
  /** Remaining bytes of a message that is not an error. */
  let toSkip = 0;

  return (piece) => {
    let place = Math.min(toSkip, piece.length);
    toSkip -= place;
    while (toSkip === 0 && place < piece.length) {
      const before = begun.length;
      const bytes = before === 0 ? piece.subarray(place) : Buffer.concat([begun, piece.subarray(place)]);
      if (bytes.length < HEADER_BYTES) {
        begun = Buffer.from(bytes);
        return null;
      }
      const length = 1 + bytes.readInt32BE(1);
      if (bytes[0] === ERROR_RESPONSE) {
        if (bytes.length < length) {
          begun = Buffer.from(bytes);
          return null;
        }
        const error = readError(bytes.subarray(HEADER_BYTES, length));
        if (error) return { at: place, error };
      }
      begun = Buffer.alloc(0);
      const rest = bytes.length - length;
      toSkip = Math.max(0, -rest);
      place = piece.length - Math.max(0, rest);
    }
    return null;
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
