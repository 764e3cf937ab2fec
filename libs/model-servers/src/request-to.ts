import { Agent, fetch, type RequestInit, type Response } from "undici";

/** What a request to a model server needs to know of it. */
export interface ServerAddress {
  name?: string;
  /** Without `/v1`. */
  url: string;
  apiKey?: string | null;
}

export interface ServerRequest {
  /** Default: GET without a body, else POST. */
  body?: object;
  accept?: string;
  signal: AbortSignal;
}

/** A server redirects to a place to which its requests, which hold prompts and the key, must not go. The message is for users. */
export class RedirectRefused extends Error {
  override name = "RedirectRefused";
}

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

// While a model loads, no headers may come for longer than undici's 300 s, so the callers' signals set the limits instead.
const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 });

/**
 * Sends a request to a path of a model server.
 *
 * @throws RedirectRefused; the runtime's error when there is no response (`connectionReason` words it); the signal's reason
 */
export async function requestTo(server: ServerAddress, path: string, request: ServerRequest): Promise<Response> {
  const { body, accept = "application/json", signal } = request;
  return await followRedirects(server, server.url.replace(/\/+$/, "") + path, {
    method: body ? "POST" : "GET",
    headers: {
      accept,
      ...(body && { "content-type": "application/json" }),
      ...(server.apiKey && { authorization: `Bearer ${server.apiKey}` }),
    },
    ...(body && { body: JSON.stringify(body) }),
    dispatcher,
    signal,
  });
}

/**
 * Redirects within the origin are followed, with method and body after every status: fetch itself would turn a POST into a GET
 * after 301 to 303, and would send the prompt to any origin after 307 and 308.
 */
async function followRedirects(server: ServerAddress, start: string, init: RequestInit): Promise<Response> {
  let url = start;
  for (let followed = 0; ; followed++) {
    const response = await fetch(url, { ...init, redirect: "manual" });
    const location = REDIRECTS.has(response.status) ? response.headers.get("location") : null;
    if (location === null) return response;
    await response.body?.cancel();
    if (!URL.canParse(location, url)) throw new RedirectRefused("the server redirects to no valid URL");
    const target = new URL(location, url);
    if (target.origin !== new URL(url).origin) {
      throw new RedirectRefused(
        `the server redirects to ${target.origin}: if that is right, change ${settingOf(server)}`,
      );
    }
    if (followed === MAX_REDIRECTS) throw new RedirectRefused(`the server redirects more than ${MAX_REDIRECTS} times`);
    url = target.href;
  }
}

/** The server that LLAMA_SWAP_URL names. */
export const ONE_LINE_SERVER = "default";

function settingOf({ name }: ServerAddress): string {
  if (name === undefined) return "the server's URL";
  return name === ONE_LINE_SERVER ? "LLAMA_SWAP_URL" : `the url of ${name} in MODEL_SERVERS`;
}
