import { z } from "zod";
import { connectionReason } from "./connection-reason.ts";
import { RedirectRefused, requestTo, type ServerAddress } from "./request-to.ts";

/** The answer to `GET /v1/models` of any OpenAI-compatible server, with the fields that llama.cpp and llama-swap add. */
const Entries = z.array(
  z.looseObject({
    id: z.string().min(1),
    name: z.string().nullish().catch(null),
    status: z.looseObject({ value: z.string() }).nullish().catch(null),
  }),
);
/** Together and GitHub Models send the array itself. */
const ModelListAnswer = z.union([z.object({ data: Entries }).transform(({ data }) => data), Entries]);

/** The server is there, but the key is wrong or missing. */
export class KeyRefused extends Error {
  override name = "KeyRefused";
}

export interface ListedModel {
  id: string;
  name: string | null;
  /** null: the server does not report it. */
  loaded: boolean | null;
  /** The entry as the server sent it. */
  entry: Record<string, unknown>;
}

/**
 * Fetches a server's model list. The request does not make the server load a model.
 * @throws KeyRefused; an error with a readable message when the server is away or its answer is not a model list
 */
export async function fetchModelList(server: ServerAddress, timeoutMs: number): Promise<ListedModel[]> {
  const signal = AbortSignal.timeout(timeoutMs);
  const response = await requestTo(server, "/v1/models", { signal }).catch((cause: unknown) => {
    throw new Error(whyAway(cause, timeoutMs), { cause });
  });
  if (!response.ok) {
    await response.body?.cancel();
    if (response.status === 401 || response.status === 403)
      throw new KeyRefused(`refused the key (HTTP ${response.status})`);
    throw new Error(`answered ${response.status}`);
  }
  const answer = ModelListAnswer.safeParse(await response.json().catch(() => null));
  if (!answer.success) throw new Error("the answer is not a model list");
  return answer.data.map((entry) => ({
    id: entry.id,
    name: entry.name ?? null,
    loaded: entry.status ? entry.status.value === "loaded" : null,
    entry,
  }));
}

function whyAway(cause: unknown, timeoutMs: number): string {
  if (cause instanceof DOMException && cause.name === "TimeoutError") return `did not answer within ${timeoutMs} ms`;
  return cause instanceof RedirectRefused ? cause.message : connectionReason(cause);
}
