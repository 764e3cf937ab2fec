import { ErrorBody, ModelList } from "@boocode/contracts";
import type { App, Deps } from "../deps.ts";

export function listModels(app: App, deps: Deps): void {
  app.get("/api/models", { schema: { response: { 200: ModelList, 502: ErrorBody } } }, () => deps.listModels());
}
