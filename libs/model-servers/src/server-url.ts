// PURE
/**
 * Reads a server's URL as users enter it: with or without `/v1`, or as the full endpoint of a vendor's example, with a query
 * (`?api-version=` of Azure) or with `user:password@`.
 */
export function readServerUrl(text: string): { url: string; basicAuth: string | null } {
  const { origin, pathname, search, username, password } = new URL(text.trim());
  const path = pathname
    .replace(/\/+/g, "/")
    .replace(/\/$/, "")
    .replace(/\/(chat\/completions|completions|responses|models)$/, "")
    // The same as no path.
    .replace(/^\/v1$/, "");
  const hasLogin = username !== "" || password !== "";
  return { url: origin + path + search, basicAuth: hasLogin ? `${decode(username)}:${decode(password)}` : null };
}

/** The deployment that an Azure URL names: the only model of that URL. */
export function deploymentOf(serverUrl: string): string | null {
  const name = /\/openai\/deployments\/([^/]+)$/.exec(pathOf(serverUrl))?.[1];
  return name === undefined ? null : decode(name);
}

/** What may follow the path of a server's URL before a route of the OpenAI protocol. */
export type UrlForm = "" | "/v1";

/**
 * The forms of a server's URL, the likelier first. A path is taken as the whole base (`/v1beta/openai` of Gemini, `/api/paas/v4` of
 * Zhipu), but it may also be the prefix of a server's `/v1`.
 */
export function formsOf(serverUrl: string): [UrlForm] | [UrlForm, UrlForm] {
  const path = pathOf(serverUrl);
  if (path === "") return ["/v1", ""];
  return path.endsWith("/v1") ? [""] : ["", "/v1"];
}

/** The URL of a route of the OpenAI protocol, such as `/models`. */
export function protocolUrl(serverUrl: string, form: UrlForm, route: string): string {
  const { origin, search } = new URL(serverUrl);
  return origin + pathOf(serverUrl) + form + route + search;
}

/** The URL of a path outside the protocol, such as llama.cpp's `/props`. */
export function ownUrl(serverUrl: string, path: string): string {
  const { origin, search } = new URL(serverUrl);
  const url = origin + pathOf(serverUrl).replace(/\/v1$/, "") + path;
  return path.includes("?") ? url + search.replace("?", "&") : url + search;
}

const pathOf = (url: string) => new URL(url).pathname.replace(/\/+$/, "");

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
