import { Scope } from "@boocode/contracts";
import { z } from "zod";

/** The signature algorithms that can be allowed: those with a public key. A shared secret or `none` never is. */
const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];

const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Whether keys may be read from this URL: over TLS, or from this machine. */
export function isTrustedUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url?.username !== "" || url.password !== "") return false;
  return url.protocol === "https:" || (url.protocol === "http:" && LOOPBACK.has(url.hostname));
}

const list = (text: string) => text.split(/[\s,]+/).filter((part) => part !== "");

/** The variables of the services that accept access tokens of an identity provider. Without OIDC_ISSUER they accept none. */
export const providerEnv = {
  /** The issuer, letter by letter as the tokens name it. Its keys are found by OpenID Connect discovery. */
  OIDC_ISSUER: z
    .string()
    .refine(isTrustedUrl, "must be an https URL without a login (http is accepted for this machine only)")
    .refine((text) => !/[?#]/.test(text), "must have no query and no fragment")
    .optional(),
  /** The audience that a token must name: the identifier of this service at the provider. */
  OIDC_AUDIENCE: z.string().min(1).optional(),
  OIDC_ALGORITHMS: z
    .string()
    .default("RS256,PS256,ES256,EdDSA,Ed25519")
    .transform(list)
    .refine((names) => names.length > 0, "must name at least one algorithm")
    .refine(
      (names) => names.every((name) => ALGORITHMS.includes(name)),
      `must be of ${ALGORITHMS.join(", ")}, separated by commas`,
    ),
  /** How far the provider's clock may differ from ours, in seconds. */
  OIDC_CLOCK_SKEW_S: z.coerce.number<string>("must be 0 to 300").int("must be 0 to 300").min(0).max(300).default(30),
  /** 1: somebody whom the provider knows and we do not becomes a user at the first request. */
  OIDC_CREATE_USERS: z.enum(["0", "1"], "must be 0 or 1").default("0"),
  /** The claim from which a new user's name comes. Later changes of the claim do not change the name. */
  OIDC_NAME_CLAIM: z.string().min(1).default("preferred_username"),
  /** The claim that lists a user's roles, with dots between nested names, such as `realm_access.roles`. */
  OIDC_ROLE_CLAIM: z.string().min(1).optional(),
  /** The role at the provider that makes an administrator here. */
  OIDC_ADMIN_ROLE: z.string().min(1).default("boocode-admin"),
  /** The scopes of a caller with an access token. Administrators have `admin` besides. */
  OIDC_SCOPES: z
    .string()
    .default("read,ask")
    .transform(list)
    .pipe(z.array(Scope.exclude(["admin"])).min(1)),
};

export type ProviderEnv = z.infer<z.ZodObject<typeof providerEnv>>;

/** The rule between the variables, for `refine`. */
export const hasAudience: [(env: ProviderEnv) => boolean, { path: string[]; message: string }] = [
  (env) => env.OIDC_ISSUER === undefined || env.OIDC_AUDIENCE !== undefined,
  {
    path: ["OIDC_AUDIENCE"],
    message: "is required with OIDC_ISSUER, because the provider also signs tokens for other services",
  },
];

export interface ProviderSettings {
  issuer: string;
  audience: string;
  algorithms: string[];
  clockSkewS: number;
  createUsers: boolean;
  nameClaim: string;
  /** null: roles are set here, not by the provider. */
  roleClaim: string | null;
  adminRole: string;
  scopes: Scope[];
}

/** @returns null without an identity provider */
export function providerSettingsOf(env: ProviderEnv): ProviderSettings | null {
  if (env.OIDC_ISSUER === undefined || env.OIDC_AUDIENCE === undefined) return null;
  return {
    issuer: env.OIDC_ISSUER,
    audience: env.OIDC_AUDIENCE,
    algorithms: env.OIDC_ALGORITHMS,
    clockSkewS: env.OIDC_CLOCK_SKEW_S,
    createUsers: env.OIDC_CREATE_USERS === "1",
    nameClaim: env.OIDC_NAME_CLAIM,
    roleClaim: env.OIDC_ROLE_CLAIM ?? null,
    adminRole: env.OIDC_ADMIN_ROLE,
    scopes: env.OIDC_SCOPES,
  };
}
