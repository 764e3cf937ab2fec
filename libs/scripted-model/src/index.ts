export { checkHeaders, checkRequest } from "./check/check-request.ts";
export type { RecordedRequest, Violation } from "./control/records.ts";
export { Script, type ScriptInput, type ScriptQuirks } from "./script.ts";
export { type ScriptedModel, type ScriptedModelOptions, startScriptedModel } from "./start-scripted-model.ts";
