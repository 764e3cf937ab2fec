import { MessageQuery, SharedSession } from "@boocode/contracts";
import { hashSecret } from "@boocode/identity";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, type Deps, knownCallerOf } from "../deps.ts";
import { found } from "../errors.ts";

/** The link is a secret: nothing may keep it or what it shows, and no search engine may list it. */
const HEADERS = { "x-robots-tag": "noindex, nofollow", "cache-control": "no-store", "referrer-policy": "no-referrer" };

export function readShare(app: App, { pool }: Deps): void {
  const schema = {
    summary: "Read a shared session: its questions, answers and citations up to the shared turn",
    // Whatever it is, the answer is that of an unknown one.
    params: z.object({ token: z.string() }),
    querystring: MessageQuery,
    response: answers({ 200: SharedSession }, "not_found"),
  };
  const options = {
    schema,
    config: { mayBeAnonymous: true },
    onSend: async (_request: unknown, reply: { headers(values: Record<string, string>): unknown }) => {
      reply.headers(HEADERS);
    },
  };
  app.get("/api/shares/:token", options, async (request) => {
    const reader = knownCallerOf(request)?.userId ?? null;
    return found(await store.readShare(pool, reader, hashSecret(request.params.token), request.query));
  });
}
