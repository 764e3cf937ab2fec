// PURE

/** Where a server listens: a host and a port, or, if `host` begins with a slash, the folder of its unix socket. */
export interface PostgresAddress {
  host: string;
  port: number;
  /** The address to connect to; `host` then serves only to check the certificate. */
  hostaddr?: string;
}

export interface ConnectionString {
  /** In the order in which they are tried. */
  addresses: PostgresAddress[];
  user?: string;
  password?: string;
  database?: string;
  /** The other parameters; of duplicates, the last. */
  parameters: Map<string, string>;
}

const DEFAULT_PORT = "5432";
const HOW_TO_ENCODE = "in a user or password, write : as %3A, / as %2F, ? as %3F, @ as %40 and % as %25";

/**
 * Splits a connection string as libpq does, which allows what a URL does not: several hosts, no host at all, the folder of a
 * unix socket. The last unencoded @ ends the password.
 * https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
 * @throws Error whose message says what is wrong and what to do, and quotes no value
 */
export function parseConnectionString(text: string): ConnectionString {
  const [scheme] = /^postgres(?:ql)?:\/\//i.exec(text.trim()) ?? [];
  if (!scheme) throw new Error("must be a URL that begins with postgres:// or postgresql://");
  const parts = /^(?:([^/?]*)@)?([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(text.trim().slice(scheme.length));
  const [, login, places = "", path = "", query = ""] = parts ?? [];
  if (login === undefined && path.includes("@")) throw new Error(`has no host: ${HOW_TO_ENCODE}`);
  const colon = login === undefined ? -1 : `${login}:`.indexOf(":");
  const parameters = readParameters(query);
  const take = (name: string) => {
    const value = parameters.get(name);
    parameters.delete(name);
    return value || undefined;
  };
  const user = take("user") || decode("the user", login?.slice(0, colon));
  const password = take("password") || decode("the password", login?.slice(colon + 1));
  const database = take("dbname") || decode("the database's name", path);
  return {
    addresses: readAddresses(places, take("host"), take("port"), take("hostaddr")),
    ...(user && { user }),
    ...(password && { password }),
    ...(database && { database }),
    parameters,
  };
}

function readParameters(query: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const part of query.split("&").filter(Boolean)) {
    const [, name = "", value = ""] = /^([^=]*)=?(.*)$/s.exec(part) ?? [];
    if (!/^[\w.-]+$/.test(name)) throw new Error(`has a parameter whose name cannot be read: ${HOW_TO_ENCODE}`);
    // Some tools encode a blank in `options` as a plus sign. In other values a plus sign is literal.
    const written = name === "options" ? value.replaceAll("+", " ") : value;
    parameters.set(name, decode(`the parameter ${name}`, written) ?? "");
  }
  return parameters;
}

/** The hosts of the URL itself, unless parameters name others. Ports and hostaddrs are matched to hosts by their order. */
function readAddresses(places: string, host?: string, port?: string, hostaddr?: string): PostgresAddress[] {
  const written = places.split(",").map((place) => {
    const [, name, digits] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(place) ?? [];
    if (name === undefined) throw new Error("has a host that cannot be read: write an IPv6 address as [::1]");
    return { host: decode("the host", name.replace(/^\[(.*)\]$/, "$1")) ?? "", digits };
  });
  const hosts = host?.split(",") ?? written.map((each) => each.host);
  const ports = port?.split(",") ?? written.map(({ digits }) => digits);
  const numeric = hostaddr?.split(",") ?? [];
  return hosts.map((name, index) => ({
    host: name || numeric[index] || "localhost",
    port: readPort(ports.length === 1 ? ports[0] : ports[index]),
    ...(numeric[index] && { hostaddr: numeric[index] }),
  }));
}

function readPort(digits: string | undefined): number {
  const port = Number(digits || DEFAULT_PORT);
  if (Number.isInteger(port) && port > 0 && port <= 65_535) return port;
  throw new Error(`has a port that is not a number from 1 to 65535: ${HOW_TO_ENCODE}`);
}

function decode(what: string, text: string | undefined): string | undefined {
  try {
    return text && decodeURIComponent(text);
  } catch {
    throw new Error(`${what} has a % that does not begin an encoded character: write the character % as %25`);
  }
}
