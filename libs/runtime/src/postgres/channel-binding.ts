import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

/** Handles one authentication message. @returns the bytes to send, possibly none; null when the login is complete */
export type Login = (message: Buffer) => Promise<Buffer | null>;

/** Types of authentication messages: AuthenticationOk, and the three steps of SASL. */
const [OK, SASL, CONTINUE, FINAL] = [0, 10, 11, 12];
const MECHANISM = "SCRAM-SHA-256-PLUS";
const HEADER = "p=tls-server-end-point,,";
/** Postgres' default is 4,096. More than this would keep a core busy for seconds. */
const MOST_ITERATIONS = 1_000_000;

/**
 * Logs in with SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677) and the binding `tls-server-end-point` (RFC 5929), and in no other way:
 * the server proves that it knows the password, and that no man in the middle ends the TLS connection.
 * The client (postgres 3.4.9) supports SCRAM without the binding only.
 * @param certificate the server's, in DER
 * @returns a login that rejects when the server offers no binding, does not know the password, or has another certificate
 */
export function createBoundLogin(password: string, certificate: Buffer): Login {
  const nonce = randomBytes(18).toString("base64");
  const bare = `n=,r=${nonce}`;
  let signature: Buffer | undefined;
  let isConfirmed = false;

  async function answer(serverFirst: string): Promise<string> {
    const { r = "", s = "", i = "" } = readAttributes(serverFirst);
    const iterations = Number(i);
    if (!r.startsWith(nonce) || r === nonce || !(iterations >= 1 && iterations <= MOST_ITERATIONS))
      throw new Error("the database server's reply to the login is not valid SCRAM");
    // Of SASLprep, what usual passwords need.
    const text = password.normalize("NFKC");
    const salted = await promisify(pbkdf2)(text, Buffer.from(s, "base64"), iterations, 32, "sha256");
    const clientKey = hmac(salted, "Client Key");
    const endPoint = createHash(hashOf(certificate)).update(certificate).digest();
    const unproved = `c=${Buffer.concat([Buffer.from(HEADER), endPoint]).toString("base64")},r=${r}`;
    const all = [bare, serverFirst, unproved].join(",");
    signature = hmac(hmac(salted, "Server Key"), all);
    const mask = hmac(createHash("sha256").update(clientKey).digest(), all);
    const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (mask[index] ?? 0)));
    return `${unproved},p=${proof.toString("base64")}`;
  }

  return async (message) => {
    const kind = message.readInt32BE(5);
    const body = message.toString("utf8", 9);
    if (kind === SASL && body.split("\0").includes(MECHANISM)) {
      const first = Buffer.from(HEADER + bare);
      const length = Buffer.alloc(4);
      length.writeInt32BE(first.length);
      return response(Buffer.concat([Buffer.from(`${MECHANISM}\0`), length, first]));
    }
    if (kind === CONTINUE) return response(Buffer.from(await answer(body)));
    if (kind === FINAL && signature) {
      const shown = Buffer.from(readAttributes(body).v ?? "", "base64");
      isConfirmed = shown.length === signature.length && timingSafeEqual(shown, signature);
      if (isConfirmed) return Buffer.alloc(0);
    }
    if (kind === OK && isConfirmed) return null;
    throw new Error("DATABASE_URL asks for channel_binding, which the database server does not offer or does not pass");
  };
}

function response(body: Buffer): Buffer {
  const header = Buffer.from([0x70, 0, 0, 0, 0]);
  header.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}

function readAttributes(message: string): Record<string, string | undefined> {
  return Object.fromEntries(message.split(",").map((part) => [part.slice(0, 1), part.slice(2)]));
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

/** Hashes by the signature algorithm's object identifier in DER. RFC 5929 replaces MD5 and SHA-1 with SHA-256. */
const HASHES: Record<string, string> = {
  "2a864886f70d010104": "sha256",
  "2a864886f70d010105": "sha256",
  "2a864886f70d01010b": "sha256",
  "2a864886f70d01010c": "sha384",
  "2a864886f70d01010d": "sha512",
  "2a8648ce3d0401": "sha256",
  "2a8648ce3d040302": "sha256",
  "2a8648ce3d040303": "sha384",
  "2a8648ce3d040304": "sha512",
};

/** An X.509 certificate is a sequence: tbsCertificate, signatureAlgorithm (its identifier first), signature. */
function hashOf(certificate: Buffer): string {
  const signed = contentOf(certificate, 0);
  const algorithm = contentOf(certificate, contentOf(certificate, signed.start).end);
  const identifier = contentOf(certificate, algorithm.start);
  const hash = HASHES[certificate.toString("hex", identifier.start, identifier.end)];
  if (hash === undefined)
    throw new Error("channel_binding does not support the signature algorithm of the server's certificate");
  return hash;
}

/** The range of the content of the DER element at `place`. */
function contentOf(bytes: Buffer, place: number): { start: number; end: number } {
  const short = bytes.readUInt8(place + 1);
  const more = short > 0x80 ? short - 0x80 : 0;
  const length = more === 0 ? short : bytes.readUIntBE(place + 2, more);
  const start = place + 2 + more;
  return { start, end: start + length };
}
