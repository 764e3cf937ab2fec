// PURE

import { type ConnectionString, parseConnectionString } from "./parse-connection-string.ts";

/** How a connection is encrypted. Files are read at each connect, because certificates are renewed. */
export interface PostgresTls {
  /**
   * `prefer` uses TLS if the server offers it; `require` accepts every certificate; `verify-ca` one that the authority in
   * `rootCert` signed; `verify-full` one that is also valid for the host.
   */
  mode: "disable" | "prefer" | "require" | "verify-ca" | "verify-full";
  /** Without it, Node's own certificate authorities are trusted. */
  rootCert?: string | undefined;
  cert?: string | undefined;
  key?: string | undefined;
  keyPassword?: string | undefined;
  revoked?: string | undefined;
  /** TLS from the first byte, without PostgreSQL's request for it. Postgres 17 or newer. */
  isDirect: boolean;
  sendsName: boolean;
  minVersion?: "TLSv1.2" | "TLSv1.3" | undefined;
  maxVersion?: "TLSv1.2" | "TLSv1.3" | undefined;
}

/** What a connection string asks for. */
export interface PostgresTarget extends Omit<ConnectionString, "parameters"> {
  tls: PostgresTls;
  channelBinding: "disable" | "prefer" | "require";
  /** Which server to use: any that answers, one that is not a replica, or one that accepts writes. */
  role: "any" | "primary" | "read-write";
  applicationName?: string | undefined;
  /** The rest of `options`, which providers' proxies read, as in `endpoint=…`. */
  startupOptions?: string | undefined;
  /** Settings of the session, from `options`. */
  settings: [name: string, value: string][];
  /** A list of schemas, as in `search_path`. Undefined: the schema in which our tables are. */
  searchPath?: string | undefined;
  connectTimeoutMs: number;
  /** Seconds until the first TCP keep-alive probe; 0 sends none. */
  keepAlive: number;
  /** Messages that name parameters without effect and quote no value. */
  warnings: string[];
}

const DEFAULT_CONNECT_SECONDS = 5;
const DEFAULT_KEEP_ALIVE_SECONDS = 60;

const SSL_MODES: Record<string, PostgresTls["mode"]> = {
  disable: "disable",
  allow: "prefer",
  prefer: "prefer",
  require: "require",
  "no-verify": "require",
  "verify-ca": "verify-ca",
  "verify-full": "verify-full",
};
/** `ssl`, as clients for Node and Java write it. */
const SSL_SWITCH: Record<string, PostgresTls["mode"]> = {
  ...SSL_MODES,
  ...{ true: "verify-full", 1: "verify-full", false: "disable", 0: "disable" },
};
const CHOICES = { disable: "disable", prefer: "prefer", require: "require" } as const;
const TLS_VERSIONS = { "TLSv1.2": "TLSv1.2", "TLSv1.3": "TLSv1.3" } as const;
const ROLES = { any: "any", primary: "primary", "read-write": "read-write" } as const;
const SWITCH = { 0: false, 1: true } as const;

/** Parameters that concern security, by the beginnings of their names. Those without effect are named separately. */
const ABOUT_SECURITY = /^(ssl|tls|gss|krb|scram|oauth|require|channel|passfile)/;

/**
 * @param text a connection string with parameters of libpq, and with those of other clients that providers use
 * @throws Error whose message says what is wrong and what to do, and quotes no value
 */
export function readPostgresTarget(text: string): PostgresTarget {
  const { parameters, ...place } = parseConnectionString(text);
  const warnings: string[] = [];
  const read = reader(parameters);
  const tls = readTls(read, warnings);
  const channelBinding = read.choice("channel_binding", CHOICES) ?? "prefer";
  if (channelBinding === "require" && tls.mode === "disable")
    throw new Error("channel_binding=require needs TLS: use sslmode=require, or better verify-full");
  if (channelBinding === "require" && tls.mode === "prefer") tls.mode = "require";
  if (read.choice("gssencmode", CHOICES) === "require")
    throw new Error("gssencmode=require is not supported: use sslmode=verify-full instead");
  // A replica may lack a token that was created a second ago.
  const role = read.choice("target_session_attrs", ROLES) ?? "primary";

  const { settings, rest } = readOptions(read.text("options") ?? "");
  const schema = read.text("schema");
  const searchPath =
    read.text("search_path") ??
    settings.find(([name]) => name.toLowerCase() === "search_path")?.[1] ??
    (schema && quoteName(schema));
  const applicationName = read.text("application_name");
  const connectSeconds = read.number("connect_timeout") || DEFAULT_CONNECT_SECONDS;
  const keepAlive = read.choice("keepalives", SWITCH) ?? true;
  const keepAliveSeconds = read.number("keepalives_idle") || DEFAULT_KEEP_ALIVE_SECONDS;
  if (!/^(auto|utf-?8)$/i.test(read.text("client_encoding") ?? "auto")) warnings.push("client_encoding is always UTF8");

  const left = [...parameters.keys()];
  const unsafe = left.filter((name) => ABOUT_SECURITY.test(name));
  const unknown = left.filter((name) => !ABOUT_SECURITY.test(name));
  if (unsafe.length > 0) warnings.push(`these security parameters have no effect: ${unsafe.join(", ")}`);
  if (unknown.length > 0) warnings.push(`these parameters are ignored: ${unknown.join(", ")}`);
  return {
    ...place,
    ...{ tls, channelBinding, role, applicationName, settings, searchPath, warnings },
    startupOptions: rest,
    connectTimeoutMs: 1_000 * connectSeconds,
    keepAlive: keepAlive ? keepAliveSeconds : 0,
  };
}

type Reader = ReturnType<typeof reader>;

/** Each function removes the parameter that it reads, so that the unknown ones remain. An empty value counts as absent. */
function reader(parameters: Map<string, string>) {
  const text = (name: string): string | undefined => {
    const value = parameters.get(name);
    parameters.delete(name);
    return value || undefined;
  };
  return {
    text,
    choice<T>(name: string, values: Readonly<Record<string, T>>): T | undefined {
      const value = text(name);
      if (value === undefined) return undefined;
      if (Object.hasOwn(values, value)) return values[value];
      throw new Error(`${name} must be one of ${Object.keys(values).join(", ")}`);
    },
    number(name: string): number | undefined {
      const value = text(name);
      if (value === undefined) return undefined;
      if (/^-?\d{1,6}$/.test(value)) return Math.max(0, Number(value));
      throw new Error(`${name} must be a whole number of seconds`);
    },
  };
}

function readTls(read: Reader, warnings: string[]): PostgresTls {
  const rootCert = read.text("sslrootcert");
  const given =
    read.choice("sslmode", SSL_MODES) ??
    read.choice("ssl", SSL_SWITCH) ??
    (read.choice("requiressl", SWITCH) ? "require" : undefined);
  // As with libpq, `require` with a root certificate verifies. verify-ca with public authorities would accept a
  // certificate that anybody can get.
  let mode = given ?? (rootCert ? "verify-full" : "prefer");
  if (mode === "require" && rootCert) mode = "verify-ca";
  if (read.choice("sslaccept", { strict: true, accept_invalid_certs: false }) && mode !== "disable")
    mode = "verify-full";
  if (mode === "verify-ca" && (rootCert === undefined || rootCert === "system")) mode = "verify-full";
  if (rootCert && !mode.startsWith("verify")) warnings.push(`sslrootcert has no effect with sslmode=${mode}`);

  const isDirect = read.choice("sslnegotiation", { postgres: false, direct: true }) ?? false;
  if (isDirect && (mode === "disable" || mode === "prefer"))
    throw new Error("sslnegotiation=direct needs TLS: add sslmode=require, or better verify-full");
  const [cert, key] = [read.text("sslcert"), read.text("sslkey")];
  if ((cert === undefined) !== (key === undefined)) throw new Error("sslcert and sslkey must be given together");
  return {
    mode,
    rootCert: rootCert === "system" ? undefined : rootCert,
    ...{ cert, key },
    keyPassword: read.text("sslpassword"),
    revoked: read.text("sslcrl"),
    isDirect,
    sendsName: read.choice("sslsni", SWITCH) ?? true,
    minVersion: read.choice("ssl_min_protocol_version", TLS_VERSIONS),
    maxVersion: read.choice("ssl_max_protocol_version", TLS_VERSIONS),
  };
}

/**
 * Settings in `options` are applied after the login, because poolers refuse them in the startup message; the rest is for the
 * server's command line, or for a proxy. A backslash escapes a blank.
 */
function readOptions(options: string): { settings: [string, string][]; rest: string | undefined } {
  const words = options.match(/(?:\\.|[^\s\\])+/gs)?.map((word) => word.replace(/\\(.)/gs, "$1")) ?? [];
  const settings: [string, string][] = [];
  const rest: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    const text = word === "-c" ? (words[++i] ?? "") : /^(?:-c|--)([^=]+=.*)$/s.exec(word)?.[1];
    const [, name, value] = /^([\w.-]+)=(.*)$/s.exec(text ?? "") ?? [];
    if (name !== undefined && value !== undefined) settings.push([name.replaceAll("-", "_"), value]);
    else if (text !== undefined) throw new Error("options has a -c without name=value");
    else rest.push(word.replace(/[\s\\]/g, "\\$&"));
  }
  return { settings, rest: rest.join(" ") || undefined };
}

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
