import { CitationQuery, Id, MAX_READ_LINES, ReadLines } from "@boocode/contracts";
import { hashLines, shownLines } from "@boocode/project-tools/citations";
import { readCitationShowings } from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

export function getCitation(app: App, { pool }: Deps): void {
  const schema = {
    summary: "Read the lines that a message cites as the model saw them, also when the file has changed since",
    params: z.object({ id: Id, messageId: Id }),
    querystring: CitationQuery,
    response: answers({ 200: ReadLines }, "invalid_request", "not_found"),
  };
  app.get("/api/sessions/:id/messages/:messageId/citation", { schema }, async (request) => {
    const { id: sessionId, messageId } = request.params;
    const wanted = { sessionId, messageId, index: request.query.index };
    const { citation, showings } = found(await readCitationShowings(pool, callerOf(request).userId, wanted));
    const all = shownLines(showings, citation.path, [citation]).map(([number, text]) => ({ number, text }));
    let room = MAX_READ_LINES.bytes;
    const lines = all.slice(0, MAX_READ_LINES.lines).filter((line) => {
      room -= Buffer.byteLength(JSON.stringify(line)) + 1;
      return room >= 0;
    });
    const hash = hashLines(lines.map(({ text }) => text));
    return { path: citation.path, lines, hash, cut: lines.length < all.length };
  });
}
