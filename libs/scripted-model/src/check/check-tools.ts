import { checkSchema } from "./check-schema.ts";
import { isObject } from "./is-object.ts";

const TOOL_NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** Checks the offered tools: not an empty list, valid names, and schemas of type object with properties. */
export function checkTools(body: Record<string, unknown>): string[] {
  const { tools, tool_choice } = body;
  if (tools === undefined) {
    const orphans = ["tool_choice", "parallel_tool_calls"].filter((key) => body[key] !== undefined);
    return orphans.map((key) => `${key} without tools`);
  }
  if (!Array.isArray(tools) || tools.length === 0) return ["tools is an empty list"];
  const violations: string[] = [];
  // llama.cpp ignores a tool_choice that is an object.
  if (tool_choice !== undefined && !["auto", "none", "required"].includes(String(tool_choice)))
    violations.push("tool_choice is not auto, none or required");
  if (tools.length > 128) violations.push("more than 128 tools");
  const names = tools.map((tool) => (isObject(tool) && isObject(tool.function) ? tool.function.name : undefined));
  if (new Set(names).size < names.length) violations.push("two tools of the same name");
  return [...violations, ...tools.flatMap(checkTool)];
}

function checkTool(tool: unknown): string[] {
  if (!isObject(tool) || tool.type !== "function" || !isObject(tool.function)) return ["a tool that is not a function"];
  const { name, description, parameters } = tool.function;
  const violations: string[] = [];
  if (typeof name !== "string" || !TOOL_NAME.test(name)) violations.push(`tool name ${JSON.stringify(name)}`);
  if (description !== undefined && (typeof description !== "string" || description.length > 1024))
    violations.push(`${name}: the description is not a text or is over 1024 characters`);
  if (!isObject(parameters) || parameters.type !== "object" || !isObject(parameters.properties)) {
    return [...violations, `${name}: parameters is not an object schema with properties`];
  }
  return [...violations, ...checkSchema(parameters, String(name))];
}
