// PURE
interface Fault {
  reason: string;
  /** Not retried, because only a change of settings helps. */
  isLasting: boolean;
}

const passing = (reason: string): Fault => ({ reason, isLasting: false });
const lasting = (reason: string): Fault => ({ reason, isLasting: true });

/** Reasons for users. The runtime's own text may hold an address or a password, so that only the log gets it. */
const FAULTS: [RegExp, Fault][] = [
  [/^ECONNREFUSED$/, passing("the connection was refused")],
  [/^(ENOTFOUND|EAI_\w+)$/, passing("the server's name was not found")],
  [/^(ETIMEDOUT|UND_ERR_(CONNECT|HEADERS|BODY)_TIMEOUT)$/, passing("the connection timed out")],
  [/^(ECONNRESET|ECONNABORTED|EPIPE|UND_ERR_SOCKET)$/, passing("the server closed the connection")],
  [/^E(HOST|NET)(UNREACH|DOWN)$/, passing("the server's network cannot be reached")],
  // Also what OpenSSL says when a server answers without TLS.
  [/^(EPROTO|ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG))$/, passing("no TLS connection could be made")],
  // https://nodejs.org/api/tls.html#x509-certificate-error-codes
  [
    /CERT|CRL|^ERR_(TLS|SSL)_|^UNABLE_TO_|^HOSTNAME_MISMATCH$|^INVALID_(CA|PURPOSE)$/,
    lasting("the server's certificate is not valid"),
  ],
  [/^HPE_/, passing("the answer is not HTTP")],
];
const TIMED_OUT = passing("the connection timed out");
const UNKNOWN = passing("the connection failed");

/** Why a request got no answer, or why the answer broke off, in words of our own. */
export function connectionFault(error: unknown): Fault {
  if (error instanceof DOMException && error.name === "TimeoutError") return TIMED_OUT;
  if (!(error instanceof Error)) return UNKNOWN;
  const { code } = error as { code?: unknown };
  const fault = FAULTS.find(([codes]) => typeof code === "string" && codes.test(code))?.[1];
  if (fault !== undefined) return fault;
  // A host with several addresses fails with one error for each.
  const inner = error instanceof AggregateError ? error.errors[0] : error.cause;
  return inner instanceof Error ? connectionFault(inner) : UNKNOWN;
}

export const connectionReason = (error: unknown): string => connectionFault(error).reason;
