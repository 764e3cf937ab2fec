import { Agent, type Dispatcher, EnvHttpProxyAgent, Pool } from "undici";

/** What is not set is read from the environment, also under its lower-case name. */
export interface ProxySettings {
  HTTP_PROXY?: string | undefined;
  HTTPS_PROXY?: string | undefined;
  NO_PROXY?: string | undefined;
}

// While a model loads, no headers may come for longer than undici's 300 s, so the callers' signals set the limits instead.
const NO_TIMEOUTS = { headersTimeout: 0, bodyTimeout: 0 };

/** Hosts as `URL` normalizes them; the last form is 127.0.0.0/8 mapped to IPv6. */
const LOOPBACK = /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\]|\[::ffff:7f[\da-f]{2}:[\da-f]{1,4}\])\.?$/;

/**
 * Returns a function that chooses the connections for a URL: through a proxy, except to this machine, which a proxy cannot reach.
 * @throws when a proxy's URL is not valid
 */
export function createDispatcherOf(settings: ProxySettings): (url: string) => Dispatcher {
  const { HTTP_PROXY: httpProxy, HTTPS_PROXY: httpsProxy, NO_PROXY: noProxy } = settings;
  const direct = new Agent(NO_TIMEOUTS);
  const proxied = new EnvHttpProxyAgent({
    ...NO_TIMEOUTS,
    ...(httpProxy !== undefined && { httpProxy }),
    ...(httpsProxy !== undefined && { httpsProxy }),
    ...(noProxy !== undefined && { noProxy }),
    // As curl does it: many proxies, such as Squid with its usual rules, refuse a tunnel to a port other than 443.
    proxyTunnel: false,
    // Without a tunnel, undici makes the connections to the proxy without our options.
    factory: (origin: URL, options: object) => new Pool(origin, { ...options, ...NO_TIMEOUTS }),
  });
  return (url) => (LOOPBACK.test(new URL(url).hostname) ? direct : proxied);
}
