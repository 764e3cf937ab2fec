import { request as requestBy } from "undici";
import { createDispatcherOf, type DispatcherOf, type ProxySettings } from "./dispatcher.ts";
import { type ServerAnswer, toAnswer } from "./server-answer.ts";
import { formsOf, ownUrl, protocolUrl, type UrlForm } from "./server-url.ts";

/** What a request to a model server needs to know of it. */
export interface ServerAddress {
  name?: string;
  /** Without user and password. */
  url: string;
  apiKey?: string | null;
  /** `user:password` */
  basicAuth?: string | null;
  headers?: Readonly<Record<string, string>>;
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

let dispatcherOf: DispatcherOf | null = null;

/** Sets the proxies of this process. Without a call, they are read from the environment. */
export function useProxies(settings: ProxySettings): void {
  dispatcherOf = createDispatcherOf(settings);
}

/** The form that has answered, for each URL. */
const rightForms = new Map<string, UrlForm>();

/**
 * Sends a request to a model server: the one place that makes URLs and headers.
 *
 * @param path under `/v1/` a route of the OpenAI protocol, wherever the server has it; else a path of the server's own
 * @throws RedirectRefused; the runtime's error when there is no response (`connectionReason` words it); the signal's reason
 */
export async function requestTo(server: ServerAddress, path: string, request: ServerRequest): Promise<ServerAnswer> {
  const { body, accept = "application/json", signal } = request;
  const init: Sent = {
    method: body ? "POST" : "GET",
    headers: {
      "user-agent": "boocode",
      // A compressed stream would arrive in blocks, not by tokens.
      "accept-encoding": "identity",
      ...server.headers,
      accept,
      ...(body && { "content-type": "application/json" }),
      ...loginOf(server),
    },
    body: body ? JSON.stringify(body) : null,
    signal,
  };
  if (!path.startsWith("/v1/")) return await followRedirects(server, ownUrl(server.url, path), init);
  return await tryForms(server, (form) =>
    followRedirects(server, protocolUrl(server.url, form, path.slice("/v1".length)), init),
  );
}

function loginOf({ apiKey, basicAuth }: ServerAddress): { authorization?: string } {
  if (apiKey) return { authorization: `Bearer ${apiKey}` };
  return basicAuth ? { authorization: `Basic ${Buffer.from(basicAuth).toString("base64")}` } : {};
}

/** Tries the other form of the URL after a 404, a 405 or a web page, until one has answered. A later 404 is about the model. */
async function tryForms(server: ServerAddress, ask: (form: UrlForm) => Promise<ServerAnswer>): Promise<ServerAnswer> {
  const known = rightForms.get(server.url);
  const [form, other] = known === undefined ? formsOf(server.url) : [known];
  const answer = await ask(form);
  if (answer.ok && !isPage(answer)) rightForms.set(server.url, form);
  if (!isNoRoute(answer) || other === undefined) return answer;
  const second = await ask(other).catch(() => null);
  if (second === null) return answer;
  const isRoute = !isNoRoute(second) && !isPage(second);
  if (isRoute) rightForms.set(server.url, other);
  (isRoute ? answer : second).cancel();
  return isRoute ? second : answer;
}

/** A server that only has web pages answers a POST with 405. */
const isNoRoute = (response: ServerAnswer) =>
  response.status === 404 || response.status === 405 || (response.ok && isPage(response));

/** Some servers answer every unknown path with their web page. */
const isPage = (response: ServerAnswer) => response.headers.get("content-type")?.includes("text/html") === true;

interface Sent {
  method: "GET" | "POST";
  headers: Record<string, string>;
  body: string | null;
  signal: AbortSignal;
}

/** Redirects within the origin are followed, with method and body after every status. */
async function followRedirects(server: ServerAddress, start: string, init: Sent): Promise<ServerAnswer> {
  let url = start;
  for (let followed = 0; ; followed++) {
    const response = await send(url, init);
    const location = REDIRECTS.has(response.status) ? response.headers.get("location") : null;
    if (location === null) return response;
    response.cancel();
    if (!URL.canParse(location, url)) throw new RedirectRefused("the server redirects to no valid URL");
    const target = new URL(location, url);
    if (target.origin !== new URL(url).origin) {
      throw new RedirectRefused(
        `the server redirects to ${target.origin}: if that is right, change ${settingOf(server)}`,
      );
    }
    if (followed === MAX_REDIRECTS) throw new RedirectRefused(`the server redirects more than ${MAX_REDIRECTS} times`);
    // The request already has the server's own login.
    target.username = "";
    target.password = "";
    url = target.href;
  }
}

/**
 * A server may close a connection that it kept just when a request is sent on it. The request is then sent once more, at once and on
 * a new connection.
 */
async function send(url: string, init: Sent): Promise<ServerAnswer> {
  dispatcherOf ??= createDispatcherOf({});
  try {
    return toAnswer(await requestBy(url, { ...init, dispatcher: dispatcherOf(url) }));
  } catch (error) {
    if (init.signal.aborted || !wasStale(error)) throw error;
    return toAnswer(await requestBy(url, { ...init, dispatcher: dispatcherOf(url, "fresh") }));
  }
}

/** Whether the server closed a connection on which it had answered before. After a reset nothing tells whether it had. */
function wasStale(error: unknown): boolean {
  const { code, socket } = error as { code?: unknown; socket?: { bytesRead?: number } };
  if (code === "UND_ERR_SOCKET") return (socket?.bytesRead ?? 0) > 0;
  return code === "ECONNRESET" || code === "EPIPE";
}

/** The server that LLAMA_SWAP_URL names. */
export const ONE_LINE_SERVER = "default";

function settingOf({ name }: ServerAddress): string {
  if (name === undefined) return "the server's URL";
  return name === ONE_LINE_SERVER ? "LLAMA_SWAP_URL" : `the url of ${name} in MODEL_SERVERS`;
}
