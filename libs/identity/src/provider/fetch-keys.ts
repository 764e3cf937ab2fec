import type { FetchImplementation } from "jose";
import { isTrustedUrl } from "./provider-env.ts";

/** The identity provider does not answer, or not with keys, and none that were read before are recent enough. */
export class ProviderUnavailable extends Error {
  override name = "ProviderUnavailable";
}

/** Keys of Microsoft and Google have 10 to 20 KB. */
const MAX_BYTES = 512 * 1024;
/** After a failure the provider is not asked again for this time, however many requests want its keys. */
const RETRY_MS = 5_000;
/** Keys stay good for this time while the provider is away. A key that it withdraws meanwhile is noticed when it is back. */
const MAX_STALE_MS = 60 * 60_000;

/**
 * @returns a function that reads the issuer's key set: first the discovery document, which says where it is, then the set
 * @throws ProviderUnavailable
 */
export function createKeyFetcher(
  issuer: string,
  deps: { fetch: typeof fetch; now(): number; onChange(error: Error | null): void },
): FetchImplementation {
  let last: { text: string; at: number } | null = null;
  let failure: { error: Error; at: number } | null = null;

  async function readJson(url: string, signal: AbortSignal): Promise<{ text: string; json: unknown }> {
    // A redirect could lead to a host that the operator does not trust.
    const response = await deps.fetch(url, { signal, redirect: "error", headers: { accept: "application/json" } });
    if (!response.ok) throw new Error(`${url} answered ${response.status}`);
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > MAX_BYTES) throw new Error(`${url} answered more than ${MAX_BYTES} bytes`);
      chunks.push(chunk);
    }
    const text = Buffer.concat(chunks).toString();
    return { text, json: JSON.parse(text) };
  }

  async function readKeys(signal: AbortSignal): Promise<string> {
    const place = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
    const { json } = await readJson(place, signal);
    const { issuer: named, jwks_uri } = Object(json) as { issuer?: unknown; jwks_uri?: unknown };
    if (named !== issuer) throw new Error(`the issuer at ${place} calls itself ${JSON.stringify(named)}`);
    if (typeof jwks_uri !== "string" || !isTrustedUrl(jwks_uri)) throw new Error(`${place} names no https jwks_uri`);
    const { text, json: set } = await readJson(jwks_uri, signal);
    if (!Array.isArray((Object(set) as { keys?: unknown }).keys)) throw new Error(`${jwks_uri} is no key set`);
    return text;
  }

  return async (_url, { signal }) => {
    const now = deps.now();
    try {
      if (failure && now - failure.at < RETRY_MS) throw failure.error;
      last = { text: await readKeys(signal), at: now };
      if (failure) deps.onChange(null);
      failure = null;
    } catch (cause) {
      const error = cause as Error;
      if (!failure) deps.onChange(error);
      if (error !== failure?.error) failure = { error, at: now };
      if (!last || now - last.at > MAX_STALE_MS) {
        throw new ProviderUnavailable("the identity provider's keys cannot be read", { cause });
      }
    }
    return new Response(last.text, { status: 200 });
  };
}
