import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
// @ts-expect-error The package has no types, and needs none: everything that is used of it is here.
import Provider from "oidc-provider";

/** A certified OpenID Connect provider, whose clients get access tokens for AUDIENCE with their own credentials. */
export interface IdentityProvider {
  issuer: string;
  /** @returns an access token whose subject is the client */
  token(client: string): Promise<string>;
  stop(): Promise<void>;
}

export const AUDIENCE = "https://boo.example/api";
const SECRET = "known-to-the-test";

/** @param options.lifeS how long a token is valid, in seconds, by client */
export async function startIdentityProvider(options: {
  jwk: object;
  lifeS: Record<string, number>;
}): Promise<IdentityProvider> {
  let answer: (request: unknown, response: unknown) => void = () => {};
  const server = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const clients = Object.keys(options.lifeS).map((client_id) => ({
    ...{ client_id, client_secret: SECRET, grant_types: ["client_credentials"] },
    ...{ redirect_uris: [], response_types: [], id_token_signed_response_alg: "ES256" },
  }));
  const provider = new Provider(issuer, {
    clients,
    jwks: { keys: [options.jwk] },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => AUDIENCE,
        getResourceServerInfo: (_context: unknown, _resource: string, client: { clientId: string }) => ({
          ...{ scope: "", audience: AUDIENCE, accessTokenFormat: "jwt", jwt: { sign: { alg: "ES256" } } },
          accessTokenTTL: options.lifeS[client.clientId],
        }),
      },
    },
  });
  answer = provider.callback();
  return {
    issuer,
    async token(client) {
      const answer = await fetch(`${issuer}/token`, {
        method: "POST",
        headers: {
          authorization: `Basic ${Buffer.from(`${client}:${SECRET}`).toString("base64")}`,
        },
        body: new URLSearchParams({ grant_type: "client_credentials" }),
      });
      const { access_token } = (await answer.json()) as { access_token?: string };
      if (!access_token) throw new Error(`the provider answered ${answer.status}`);
      return access_token;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
