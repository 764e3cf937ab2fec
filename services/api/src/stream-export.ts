import { finished, Readable } from "node:stream";
import { bearerToken } from "@boocode/identity";
import type { FastifyReply, FastifyRequest } from "fastify";
import { callerOf, type Deps } from "./deps.ts";
import { ApiError } from "./errors.ts";

/** An access that ends ends the export within this time. */
const CHECK_MS = 1_000;
/** The `Retry-After` of an export that is refused because another one runs. */
const RETRY_AFTER_S = 5;

interface ExportFile {
  /** Of ASCII, without quotes. */
  name: string;
  type: string;
}

/**
 * Streams exports at the pace of the client: the next piece is made when the last one was taken. An export that fails half-way is
 * cut off. Each process runs one export of a user at a time.
 */
export function createExporter({ findCaller }: Pick<Deps, "findCaller">) {
  const exporting = new Set<string>();

  async function* whileAllowed(token: string | null, pieces: AsyncIterable<string>): AsyncGenerator<string, void> {
    let checkedAt = performance.now();
    for await (const piece of pieces) {
      if (performance.now() - checkedAt > CHECK_MS) {
        if (!token || !(await findCaller(token))) throw new Error("the caller's access ended during an export");
        checkedAt = performance.now();
      }
      yield piece;
    }
  }

  return {
    /** @throws ApiError when an export of the caller runs */
    begin(request: FastifyRequest, reply: FastifyReply): void {
      const { userId } = callerOf(request);
      if (exporting.has(userId)) {
        throw new ApiError("rate_limited", "another export of yours is running; try again when it has ended", {
          headers: { "retry-after": String(RETRY_AFTER_S) },
        });
      }
      exporting.add(userId);
      // Also when the client goes away, or the export fails.
      finished(reply.raw, () => exporting.delete(userId));
    },
    /** Sends an export that has begun, as an attachment. */
    send(
      request: FastifyRequest,
      reply: FastifyReply,
      { name, type }: ExportFile,
      pieces: AsyncIterable<string>,
    ): never {
      const token = bearerToken(request.headers.authorization);
      return reply
        .type(type)
        .header("content-disposition", `attachment; filename="${name}"`)
        .header("cache-control", "no-store")
        .send(Readable.from(whileAllowed(token, pieces), { highWaterMark: 1 }) as never) as never;
    },
  };
}
