import { ModelList } from "@boocode/contracts";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";

export function listModels(app: App, deps: Deps): void {
  app.get(
    "/api/models",
    {
      schema: {
        summary: "List the models that the caller may use",
        response: answers({ 200: ModelList }, "model_server_unavailable"),
      },
    },
    (request) => deps.listModels(callerOf(request).role),
  );
}
