import { Agent, type Dispatcher, EnvHttpProxyAgent, Pool } from "undici";

/** What is not set is read from the environment, also under its lower-case name. */
export interface ProxySettings {
  HTTP_PROXY?: string | undefined;
  HTTPS_PROXY?: string | undefined;
  NO_PROXY?: string | undefined;
}

// While a model loads, no headers may come for longer than undici's 300 s, so the callers' signals set the limits instead.
const NO_TIMEOUTS = { headersTimeout: 0, bodyTimeout: 0 };

/**
 * An idle connection is kept for a minute, or as long as the server's Keep-Alive header says, so that a request needs no handshake.
 * None is reused a minute after it was opened: the next one resolves the server's name again.
 */
const KEPT = { keepAliveTimeout: 60_000, keepAliveTimeoutThreshold: 500, clientTtl: 60_000 };
/** Each request gets a connection of its own. */
const FRESH = { pipelining: 0 };

/** The connections for a URL: those that are kept, and new ones. */
export type DispatcherOf = (url: string, connection?: "kept" | "fresh") => Dispatcher;

/** Hosts as `URL` normalizes them; the last form is 127.0.0.0/8 mapped to IPv6. */
const LOOPBACK = /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\]|\[::ffff:7f[\da-f]{2}:[\da-f]{1,4}\])\.?$/;

/**
 * Returns a function that chooses the connections for a URL: through a proxy, except to this machine, which a proxy cannot reach.
 * @throws when a proxy's URL is not valid
 */
export function createDispatcherOf(settings: ProxySettings): DispatcherOf {
  const kept = dispatchersOf(settings, KEPT);
  const fresh = dispatchersOf(settings, FRESH);
  return (url, connection = "kept") => {
    const { direct, proxied } = connection === "kept" ? kept : fresh;
    return LOOPBACK.test(new URL(url).hostname) ? direct : proxied;
  };
}

function dispatchersOf(settings: ProxySettings, connections: typeof KEPT | typeof FRESH) {
  const { HTTP_PROXY: httpProxy, HTTPS_PROXY: httpsProxy, NO_PROXY: noProxy } = settings;
  const options = { ...NO_TIMEOUTS, ...connections };
  const direct = new Agent(options);
  const proxied = new EnvHttpProxyAgent({
    ...options,
    ...(httpProxy !== undefined && { httpProxy }),
    ...(httpsProxy !== undefined && { httpsProxy }),
    ...(noProxy !== undefined && { noProxy }),
    // As curl does it: many proxies, such as Squid with its usual rules, refuse a tunnel to a port other than 443.
    proxyTunnel: false,
    // Without a tunnel, undici makes the connections to the proxy without our options.
    factory: (origin: URL, given: object) => new Pool(origin, { ...given, ...options }),
  });
  return { direct, proxied };
}
