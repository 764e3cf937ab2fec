// PURE
import type { ProxySettings } from "./dispatcher.ts";
import type { ServerAddress } from "./request-to.ts";
import { readServerUrl } from "./server-url.ts";

/** A word in the name of a secret parameter: `code` but not `encoding`, `sig` but not `design`, `apikey`, `accessToken`. */
const SECRET_WORD =
  /^(sig|code|auth|oauth|pass|pwd|authorization|credentials?)$|(key|token|secret|password|passwd|signature)$/;

/** All secrets in a server's settings, in every form in which a server can echo them; callers keep them out of logs and errors. */
export function secretsOf({ url, apiKey, basicAuth, headers }: ServerAddress): string[] {
  const secrets = apiKey ? [apiKey] : [];
  if (basicAuth) {
    const [user = "", password] = splitLogin(basicAuth);
    // A token is often entered as a user without a password.
    secrets.push(password || user, Buffer.from(basicAuth).toString("base64"));
  }
  for (const [name, value] of new URL(url).searchParams) if (namesSecret(name)) secrets.push(value);
  // `Bearer KEY` is echoed without the scheme, too.
  for (const value of Object.values(headers ?? {})) secrets.push(value, value.split(" ").at(-1) ?? value);
  return secrets;
}

function namesSecret(parameter: string): boolean {
  const words = parameter.split(/[^A-Za-z]+|(?<=[a-z])(?=[A-Z])/);
  return words.some((word) => SECRET_WORD.test(word.toLowerCase()));
}

/** The logins of the proxies, which may be entered without a scheme. */
export function secretsOfProxies({ HTTP_PROXY, HTTPS_PROXY }: ProxySettings): string[] {
  const urls = [HTTP_PROXY, HTTPS_PROXY].filter((url) => url !== undefined);
  return urls.flatMap((url) => secretsOf(readServerUrl(url)));
}

/**
 * The secrets to remove from a server's replies and model names. Short ones, plain words and placeholders for a missing key are
 * left out, because they may be part of ordinary text.
 */
export function echoedSecretsOf(server: ServerAddress): string[] {
  return secretsOf(server).filter(
    (secret) => secret.length >= 8 && !/^[a-z]{1,11}$/i.test(secret) && !PLACEHOLDER.test(secret),
  );
}

/** From the documentation of LM Studio, llama.cpp, vLLM and their clients. */
const PLACEHOLDER =
  /^(lm-studio|((sk-)?(no|not|fake|dummy|test|any|your|my|the|local)[-_])?(api[-_]?)?(key|token|needed|required|here|used|necessary|[-_])+)$/i;

function splitLogin(basicAuth: string): [string, string] {
  const colon = basicAuth.indexOf(":");
  return [basicAuth.slice(0, colon), basicAuth.slice(colon + 1)];
}
