import { isObject } from "./is-object.ts";

const TOOL_NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** The offered tools: never an empty list, and schemas of type object with properties. */
export function checkTools(body: Record<string, unknown>): string[] {
  const { tools, tool_choice } = body;
  if (tools === undefined) {
    const orphans = ["tool_choice", "parallel_tool_calls"].filter((key) => body[key] !== undefined);
    return orphans.map((key) => `${key} without tools`);
  }
  if (!Array.isArray(tools) || tools.length === 0) return ["tools is an empty list"];
  const violations: string[] = [];
  if (tool_choice !== undefined && typeof tool_choice !== "string") violations.push("tool_choice is not a string");
  if (tools.length > 128) violations.push("more than 128 tools");
  const names = tools.map((tool) => (isObject(tool) && isObject(tool.function) ? tool.function.name : undefined));
  if (new Set(names).size < names.length) violations.push("two tools of the same name");
  return [...violations, ...tools.flatMap(checkTool)];
}

function checkTool(tool: unknown): string[] {
  if (!isObject(tool) || tool.type !== "function" || !isObject(tool.function)) return ["a tool that is no function"];
  const { name, description, parameters } = tool.function;
  const violations: string[] = [];
  if (typeof name !== "string" || !TOOL_NAME.test(name)) violations.push(`tool name ${JSON.stringify(name)}`);
  if (typeof description === "string" && description.length > 1024) violations.push(`${name}: description over 1024`);
  if (!isObject(parameters) || parameters.type !== "object" || !isObject(parameters.properties)) {
    return [...violations, `${name}: parameters is no object schema with properties`];
  }
  const { properties, required } = parameters;
  const known = new Set(Object.keys(properties));
  if (Array.isArray(required) && required.some((key) => !known.has(key))) {
    violations.push(`${name}: required names a property that is not there`);
  }
  for (const [key, schema] of Object.entries(properties)) {
    if (isObject(schema) && schema.type === "array" && schema.items === undefined) {
      violations.push(`${name}: ${key} is an array without items`);
    }
  }
  return violations;
}
