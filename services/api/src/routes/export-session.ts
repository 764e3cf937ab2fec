import { ExportQuery, Id, type Message, SessionExport } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";
import { fileNameOf, markdownEnd, markdownHeading, messageToMarkdown } from "../session-markdown.ts";
import { createExporter } from "../stream-export.ts";

type Opened = store.SessionExport & { projectName: string };

export function exportSession(app: App, deps: Deps): void {
  const { pool } = deps;
  const exporter = createExporter(deps);
  const schema = {
    summary: "Export a session as a file",
    params: z.object({ id: Id }),
    querystring: ExportQuery,
    response: {
      ...answers({}, "invalid_request", "not_found"),
      200: {
        description:
          "All messages, whole and in their order, as they are while the export runs. An answer that is cut off is not complete: " +
          "it has no end.",
        content: { "text/markdown": { schema: z.string() }, "application/json": { schema: SessionExport } },
      },
    },
  };
  app.get("/api/sessions/:id/export", { schema }, async (request, reply) => {
    const { userId } = callerOf(request);
    const { session, pages } = found(await store.openSessionExport(pool, userId, request.params.id));
    const project = found(await store.findProject(pool, userId, session.project_id));
    exporter.begin(request, reply);
    const opened = { session, pages, projectName: project.name };
    return request.query.format === "json"
      ? exporter.send(
          request,
          reply,
          { name: fileNameOf(session.name, "json"), type: "application/json" },
          json(opened),
        )
      : exporter.send(
          request,
          reply,
          { name: fileNameOf(session.name, "md"), type: "text/markdown; charset=utf-8" },
          markdown(opened),
        );
  });
}

const now = () => new Date().toISOString();

async function* markdown({ session, pages, projectName }: Opened): AsyncGenerator<string, void> {
  let messages = 0;
  yield markdownHeading({ session, projectName, exportedAt: now() });
  for await (const page of pages) {
    messages += page.length;
    yield page.map(messageToMarkdown).join("");
  }
  yield markdownEnd(messages);
}

async function* json({ session, pages, projectName }: Opened): AsyncGenerator<string, void> {
  const head = { exported_at: now(), project: { id: session.project_id, name: projectName }, session };
  yield `${JSON.stringify(head).slice(0, -1)},"messages":[`;
  let before = "";
  for await (const page of pages) {
    yield before + page.map((message: Message) => JSON.stringify(message)).join(",\n");
    before = ",\n";
  }
  yield "]}\n";
}
