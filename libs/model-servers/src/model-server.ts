import { z } from "zod";
import { ServerTraits } from "./server-traits.ts";

/** A setting may end with a blank or with the `\r` of a Windows file. */
const text = z.string().trim().min(1);

/** What the requests set themselves, and X-Conversation-Id, with which llama-server goes on after a disconnect. */
const OWN_HEADERS = /^(accept|connection|content-.*|host|transfer-encoding|x-conversation-id)$/i;
const HeaderName = z
  .string()
  .trim()
  // A token of RFC 9110.
  .regex(/^[\w!#$%&'*+.^`|~-]+$/)
  .refine((name) => !OWN_HEADERS.test(name));

const Roles = z.array(z.enum(["user", "admin"])).min(1, "must name at least one role");

/** One entry of MODEL_SERVERS. It says where its key is but never contains it: many people may be able to read this setting. */
export const ModelServerEntry = z.strictObject({
  name: z
    .string()
    .trim()
    .regex(
      /^[a-z0-9][a-z0-9_.-]{0,39}$/i,
      "must be 1 to 40 letters, digits, -, _ and ., and begin with a letter or digit",
    ),
  url: z.string().trim().refine(isHttp, "must be a URL that begins with http:// or https://"),
  /** The environment variable, or the file, that holds the key. */
  api_key_env: text.optional(),
  api_key_file: text.optional(),
  /** Extra request headers: each value is in an environment variable or a file, like a key. */
  headers: z.record(HeaderName, z.union([z.strictObject({ env: text }), z.strictObject({ file: text })])).default({}),
  /** The server's model for sessions that name none. */
  default_model: text.optional(),
  /** Limit of concurrent requests, across all workers. */
  max_concurrent: z.int().positive().optional(),
  max_concurrent_per_model: z.int().positive().optional(),
  /** The context window, in tokens, of models for which the server reports none. */
  context_size: z.int().positive().optional(),
  /** The roles whose users may use the server's models, and those of single models; all roles where neither says. */
  roles: Roles.optional(),
  model_roles: z.record(text, Roles).default({}),
  quirks: ServerTraits.prefault({}),
});
export type ModelServerEntry = z.infer<typeof ModelServerEntry>;

/** An OpenAI-compatible model server. */
export interface ModelServer {
  name: string;
  /** As `readServerUrl` returns it. */
  url: string;
  apiKey: string | null;
  /** `user:password` of the URL */
  basicAuth: string | null;
  headers: Record<string, string>;
  defaultModel: string | null;
  maxConcurrent: number | null;
  maxConcurrentPerModel: number | null;
  contextSize: number | null;
  /** null: every role. */
  roles: readonly string[] | null;
  modelRoles: ReadonlyMap<string, readonly string[]>;
  traits: ServerTraits;
}

function isHttp(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
