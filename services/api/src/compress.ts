import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { negotiate } from "@fastify/accept-negotiator";
import type { FastifyInstance } from "fastify";

/** A shorter answer fits into one packet anyway. */
const FEWEST_BYTES = 1_024;

const compress = promisify(gzip);

/** Compresses JSON for clients that ask for it. Every client that does so takes gzip, so there is no second encoding. */
export function compressAnswers(app: FastifyInstance): void {
  app.addHook("onSend", async (request, reply, payload) => {
    if (typeof payload !== "string" || Buffer.byteLength(payload) < FEWEST_BYTES) return payload;
    if (!String(reply.getHeader("content-type")).startsWith("application/json")) return payload;
    // A cache must not give the compressed answer to a client that did not ask for it.
    const vary = reply.getHeader("vary");
    reply.header("vary", [vary ?? [], "Accept-Encoding"].flat().join(", "));
    if (negotiate(request.headers["accept-encoding"] ?? "", ["gzip", "identity"]) !== "gzip") return payload;
    const compressed = await compress(payload);
    reply.header("content-encoding", "gzip").header("content-length", compressed.length);
    return compressed;
  });
}
