// PURE

/** Where Redis is and how to log in, as REDIS_URL states it. */
export interface RedisAddress {
  mode: "single" | "cluster" | "sentinel";
  /** The server, nodes of the cluster from which the others are learned, or the Sentinels. */
  hosts: { host: string; port: number }[];
  username?: string;
  password?: string;
  db: number;
  /** 4 or 6: only addresses of this IP version. 0: either. */
  family: 0 | 4 | 6;
  tls: boolean;
  /** Accepts any certificate: `ssl_cert_reqs=none`. */
  anyCertificate: boolean;
  /** With `sentinel`: the name under which the Sentinels know the master. */
  master?: string;
  sentinelTls: boolean;
  /** Names of unknown parameters, which are ignored. */
  ignored: string[];
}

/** The URL cannot be used; the message quotes no part of it that may be secret. */
export class InvalidRedisUrl extends Error {
  override name = "InvalidRedisUrl";
}

const FORM = /^([a-z][a-z+-]*):\/\/(?:([^/?#]*)@)?([^@/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/i;
const SCHEME = /^redis(s?)(?:[+-](cluster|sentinel))?$/i;
const HOST = /^(?:\[([0-9a-f:.%]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/i;
const FIRST_SCHEMES = "redis://, rediss:// (TLS), redis+cluster:// or redis+sentinel://";

/**
 * Reads a REDIS_URL:
 *
 *   redis[s]://[user:password@]host[:6379][/db]
 *   redis[s]+cluster://[user:password@]host[:6379][,host…]
 *   redis[s]+sentinel://[user:password@]sentinel[:26379][,sentinel…]/master[/db]
 *
 * @throws InvalidRedisUrl
 */
export function parseRedisUrl(text: string): RedisAddress {
  const [, scheme = "", login, hosts = "", path = "", query = ""] = FORM.exec(text.trim()) ?? [];
  const [known, s, kind] = SCHEME.exec(scheme) ?? [];
  if (known === undefined) throw new InvalidRedisUrl(`must be a URL that begins with ${FIRST_SCHEMES}`);
  const mode = (kind?.toLowerCase() ?? "single") as RedisAddress["mode"];
  const tls = s !== "";
  const address: RedisAddress = {
    ...{ mode, tls, sentinelTls: tls, anyCertificate: false, db: 0, family: 0, ignored: [] },
    hosts: readHosts(hosts, mode),
    ...readLogin(login),
    ...readPath(path, mode),
  };
  for (const [name, value] of new URLSearchParams(query)) readParameter(address, name, value);
  if (mode === "cluster" && address.db !== 0) {
    throw new InvalidRedisUrl("names a database, but a Redis Cluster has only database 0");
  }
  return address;
}

function readHosts(text: string, mode: RedisAddress["mode"]): RedisAddress["hosts"] {
  const hosts = text.split(",").map((part) => {
    // `redis://` and `redis://:6379` are this machine.
    const [whole, v6, name, port] = HOST.exec(part.trim().replace(/^(?=:|$)/, "localhost")) ?? [];
    const number = Number(port ?? (mode === "sentinel" ? 26379 : 6379));
    if (whole === undefined || number < 1 || number > 65_535) {
      throw new InvalidRedisUrl(
        "must name its hosts as host or host:port, separated by commas; encode special characters of the password (@ as %40, / as %2F)",
      );
    }
    return { host: (v6 ?? name) as string, port: number };
  });
  if (mode === "single" && hosts.length > 1) {
    throw new InvalidRedisUrl("names several hosts: begin it with redis+cluster:// or redis+sentinel://");
  }
  return hosts;
}

function readLogin(text: string | undefined): Pick<RedisAddress, "username" | "password"> {
  if (text === undefined) return {};
  const colon = text.indexOf(":");
  const username = decode(colon < 0 ? text : text.slice(0, colon), "user name");
  const password = colon < 0 ? "" : decode(text.slice(colon + 1), "password");
  return { ...(username !== "" && { username }), ...(password !== "" && { password }) };
}

function decode(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new InvalidRedisUrl(`has a ${what} with a % that encodes nothing: write % as %25`);
  }
}

function readPath(path: string, mode: RedisAddress["mode"]): Pick<RedisAddress, "db" | "master"> | object {
  const parts = path.split("/").filter((part) => part !== "");
  const master = mode === "sentinel" ? parts.shift() : undefined;
  if (mode === "sentinel" && master === undefined) {
    throw new InvalidRedisUrl("must name the master after the Sentinels: redis+sentinel://host:26379/mymaster");
  }
  if (parts.length > 1) throw new InvalidRedisUrl("has a path that is not the number of a database");
  return {
    ...(parts[0] !== undefined && { db: readNumber(parts[0], "the number of a database") }),
    ...(master !== undefined && { master: decode(master, "master's name") }),
  };
}

function readNumber(text: string, what: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidRedisUrl(`has a path or parameter that is not ${what}`);
  return Number(text);
}

const YES_NO: Record<string, boolean> = { yes: true, true: true, "1": true, no: false, false: false, "0": false };

/** What other clients call the check of the server's certificate. */
const CERT_REQS: Record<string, boolean> = { none: true, cert_none: true, required: false, cert_required: false };

function readParameter(address: RedisAddress, name: string, value: string): void {
  switch (name) {
    case "db":
      address.db = readNumber(value, "the number of a database");
      return;
    case "family":
      if (!/^[046]$/.test(value)) throw new InvalidRedisUrl("has a family that is not 0, 4 or 6");
      address.family = Number(value) as 0 | 4 | 6;
      return;
    case "sentinel_tls": {
      const wanted = YES_NO[value.toLowerCase()];
      if (wanted === undefined) throw new InvalidRedisUrl("has a sentinel_tls that is not yes or no");
      address.sentinelTls = wanted;
      return;
    }
    case "ssl_cert_reqs": {
      const any = CERT_REQS[value.toLowerCase()];
      if (any === undefined) throw new InvalidRedisUrl("has an ssl_cert_reqs that is not required or none");
      address.anyCertificate = any;
      return;
    }
  }
  // A parameter that concerns security is never ignored.
  if (/ssl|tls|cert|ca$|key|verify|user|password|auth/i.test(name)) {
    throw new InvalidRedisUrl(
      `has the parameter ${name.slice(0, 40).replace(/[^\w.-]/g, "?")}, which is not known: use REDIS_TLS_CA, REDIS_TLS_CERT, REDIS_TLS_KEY, REDIS_SENTINEL_PASSWORD`,
    );
  }
  address.ignored.push(name.slice(0, 40));
}
