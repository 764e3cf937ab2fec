import { ModelList } from "@boocode/contracts";
import { answers } from "../answers.ts";
import type { App, Deps } from "../deps.ts";

export function listModels(app: App, deps: Deps): void {
  app.get(
    "/api/models",
    {
      schema: {
        summary: "List the models of all model servers",
        response: answers({ 200: ModelList }, "model_server_unavailable"),
      },
    },
    () => deps.listModels(),
  );
}
