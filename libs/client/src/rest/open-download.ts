import { BooCodeError } from "../boo-code-error.ts";
import { type RequestDeps, toError } from "./send-request.ts";

/**
 * Opens a large answer, to be read at the caller's pace; there is no time limit.
 * @throws BooCodeError; the signal's reason when aborted
 */
export async function openDownload(
  deps: Pick<RequestDeps, "apiUrl" | "token" | "fetch">,
  path: string,
  signal?: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const token = await deps.token();
  const response = await deps
    .fetch(`${deps.apiUrl}${path}`, {
      method: "GET",
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
      ...(signal === undefined ? {} : { signal }),
    })
    .catch((cause: unknown) => {
      signal?.throwIfAborted();
      throw new BooCodeError("network", `no answer to GET ${path}`, { cause });
    });
  if (!response.ok) throw toError(response.status, await response.text(), response.headers.get("retry-after"));
  if (!response.body) throw new BooCodeError("unexpected", "the answer is empty", { retryable: false });
  return response.body;
}
