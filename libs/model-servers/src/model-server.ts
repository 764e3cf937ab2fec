import { z } from "zod";
import { ServerTraits } from "./server-traits.ts";

/** One entry of MODEL_SERVERS. It says where its key is but never contains it: many people may be able to read this setting. */
export const ModelServerEntry = z.strictObject({
  name: z
    .string()
    .regex(
      /^[a-z0-9][a-z0-9_.-]{0,39}$/i,
      "must be 1 to 40 letters, digits, -, _ and ., and begin with a letter or digit",
    ),
  url: z.string().refine(isHttp, "must be a URL that begins with http:// or https://"),
  /** The environment variable, or the file, that holds the key. */
  api_key_env: z.string().min(1).optional(),
  api_key_file: z.string().min(1).optional(),
  /** The server's model for sessions that name none. */
  default_model: z.string().min(1).optional(),
  /** Limit of concurrent requests, across all workers. */
  max_concurrent: z.int().positive().optional(),
  max_concurrent_per_model: z.int().positive().optional(),
  /** The context window, in tokens, of models for which the server reports none. */
  context_size: z.int().positive().optional(),
  quirks: ServerTraits.prefault({}),
});
export type ModelServerEntry = z.infer<typeof ModelServerEntry>;

/** An OpenAI-compatible model server. */
export interface ModelServer {
  name: string;
  /** Without `/v1` and without a trailing slash. */
  url: string;
  apiKey: string | null;
  defaultModel: string | null;
  maxConcurrent: number | null;
  maxConcurrentPerModel: number | null;
  contextSize: number | null;
  traits: ServerTraits;
}

/** Removes a final `/v1`, because users enter the URL with or without it. */
export const baseUrlOf = (url: string) => url.replace(/\/+$/, "").replace(/\/v1$/, "");

function isHttp(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
