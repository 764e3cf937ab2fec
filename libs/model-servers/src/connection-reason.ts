// PURE
/** Reasons for users. The runtime's own text may hold an address or a password, so that only the log gets it. */
const REASONS: [RegExp, string][] = [
  [/^ECONNREFUSED$/, "the connection was refused"],
  [/^(ENOTFOUND|EAI_\w+)$/, "the server's name was not found"],
  [/^(ETIMEDOUT|UND_ERR_(CONNECT|HEADERS|BODY)_TIMEOUT)$/, "the connection timed out"],
  [/^(ECONNRESET|ECONNABORTED|EPIPE|UND_ERR_SOCKET)$/, "the server closed the connection"],
  [/^E(HOST|NET)(UNREACH|DOWN)$/, "the server's network cannot be reached"],
  // Also what OpenSSL says when a server answers without TLS.
  [/^(EPROTO|ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG))$/, "no TLS connection could be made"],
  // https://nodejs.org/api/tls.html#x509-certificate-error-codes
  [
    /CERT|CRL|^ERR_(TLS|SSL)_|^UNABLE_TO_|^HOSTNAME_MISMATCH$|^INVALID_(CA|PURPOSE)$/,
    "the server's certificate is not valid",
  ],
  [/^HPE_/, "the answer is not HTTP"],
];
const UNKNOWN = "the connection failed";

/** Why a request got no answer, or why the answer broke off, in words of our own. */
export function connectionReason(error: unknown): string {
  if (error instanceof DOMException && error.name === "TimeoutError") return "the connection timed out";
  if (!(error instanceof Error)) return UNKNOWN;
  const { code, message } = error as { code?: unknown; message: string };
  // fetch refuses some ports: https://fetch.spec.whatwg.org/#port-blocking
  if (message === "bad port") return "no request can be sent to this port";
  const reason = REASONS.find(([codes]) => typeof code === "string" && codes.test(code))?.[1];
  if (reason !== undefined) return reason;
  // A host with several addresses fails with one error for each.
  const inner = error instanceof AggregateError ? error.errors[0] : error.cause;
  return inner instanceof Error ? connectionReason(inner) : UNKNOWN;
}
