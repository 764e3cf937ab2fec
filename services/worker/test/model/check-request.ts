type Json = Record<string, unknown>;
type Complain = (where: string, what: string) => void;

/**
 * Checks a chat completion request by the rules of the strictest servers and chat templates.
 * @returns one line per violation
 */
export function checkRequest(body: unknown, headers: Record<string, unknown> = {}): string[] {
  const offences: string[] = [];
  const complain: Complain = (where, what) => offences.push(`${where}: ${what}`);
  checkHeaders(headers, complain);
  if (!isObject(body)) return ["body: not an object"];
  checkStrings(body, "body", complain);
  if (typeof body.model !== "string" || body.model === "") complain("model", "must be named");
  if (body.stream !== true) complain("stream", "must be true");
  if (body.stream_options !== undefined && !(body.stream_options as Json).include_usage) {
    complain("stream_options", "must include the usage");
  }
  const known = [
    "model",
    "messages",
    "stream",
    "stream_options",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "max_tokens",
    "max_completion_tokens",
  ];
  const limits = [body.max_tokens, body.max_completion_tokens].filter((limit) => limit !== undefined);
  if (limits.length > 1) complain("max_tokens", "stated twice");
  if (!limits.every((limit) => Number.isInteger(limit) && Number(limit) > 0))
    complain("max_tokens", "not a number of tokens");
  for (const key of Object.keys(body)) if (!known.includes(key)) complain(key, "is not accepted by every server");
  checkTools(body, complain);
  checkMessages(body.messages, complain);
  return offences;
}

function checkHeaders(headers: Record<string, unknown>, complain: Complain): void {
  const type = headers["content-type"];
  if (type !== undefined && type !== "application/json") complain("content-type", String(type));
  if (/text\/(html|plain)/.test(String(headers.accept))) complain("accept", "makes llama-swap answer with a page");
  if ("x-conversation-id" in headers) complain("x-conversation-id", "makes llama-server outlive its client");
}

function checkStrings(value: unknown, where: string, complain: Complain): void {
  if (value === null) complain(where, "an explicit null");
  if (typeof value === "string") {
    if (/\p{Surrogate}/u.test(value)) complain(where, "a lone surrogate");
    if (value.includes("\u0000")) complain(where, "a NUL");
  } else if (typeof value === "object" && value !== null) {
    for (const [key, part] of Object.entries(value)) checkStrings(part, `${where}.${key}`, complain);
  }
}

function checkTools({ tools, tool_choice, parallel_tool_calls }: Json, complain: Complain): void {
  if (tools === undefined) {
    if (tool_choice !== undefined) complain("tool_choice", "without tools");
    if (parallel_tool_calls !== undefined) complain("parallel_tool_calls", "without tools");
    return;
  }
  if (!Array.isArray(tools) || tools.length === 0 || tools.length > 128) {
    complain("tools", "1 to 128 or none");
    return;
  }
  if (!["auto", "none", "required"].includes(String(tool_choice)))
    complain("tool_choice", "must be auto, none or required");
  const names = tools.map((tool) => tool.function?.name);
  if (new Set(names).size !== names.length) complain("tools", "a repeated name");
  for (const tool of tools) {
    const { name, description, parameters } = tool.function ?? {};
    if (tool.type !== "function" || !isName(name)) complain("tools", `type or name of ${name}`);
    if (typeof description !== "string" || description.length > 1024) complain(name, "description");
    if (!isObject(parameters) || parameters.type !== "object" || !isObject(parameters.properties)) {
      complain(name, "parameters must be a schema of an object");
    } else {
      checkSchema(parameters, name, complain);
    }
  }
}

function checkSchema(schema: unknown, where: string, complain: Complain): void {
  if (Array.isArray(schema)) for (const part of schema) checkSchema(part, where, complain);
  if (!isObject(schema)) return;
  if (schema.type === "array" && schema.items === undefined && schema.prefixItems === undefined) {
    complain(where, "an array without items");
  }
  if (Array.isArray(schema.required)) {
    const properties = isObject(schema.properties) ? schema.properties : {};
    for (const name of schema.required) if (!Object.hasOwn(properties, name)) complain(where, `requires ${name}`);
  }
  if (typeof schema.pattern === "string" && !/^\^.*\$$/s.test(schema.pattern)) complain(where, "pattern not anchored");
  if (typeof schema.$ref === "string" && !schema.$ref.startsWith("#")) complain(where, "an external reference");
  const { enum: _enum, const: _const, default: _default, properties, ...rest } = schema;
  for (const [name, part] of Object.entries(isObject(properties) ? properties : {})) {
    checkSchema(part, `${where}.${name}`, complain);
  }
  for (const [name, part] of Object.entries(rest)) checkSchema(part, `${where}.${name}`, complain);
}

const KEYS: Record<string, string[]> = {
  system: ["role", "content"],
  user: ["role", "content"],
  assistant: ["role", "content", "tool_calls"],
  tool: ["role", "content", "tool_call_id"],
};

function checkMessages(messages: unknown, complain: Complain): void {
  if (!Array.isArray(messages) || messages.length === 0) {
    complain("messages", "empty");
    return;
  }
  if (!messages.some((message) => message.role === "user")) complain("messages", "no user message");
  if (messages.at(-1).role === "assistant")
    complain("messages", "ends with an assistant message, which is taken for a prefill");
  const ids = new Set<string>();
  let waiting: string[] = [];
  for (const [at, message] of messages.entries()) {
    const where = `messages[${at}]`;
    const before = messages[at - 1]?.role ?? "start";
    const allowed = KEYS[message.role];
    if (!allowed) {
      complain(where, `role ${message.role}`);
      continue;
    }
    for (const key of Object.keys(message)) if (!allowed.includes(key)) complain(where, `key ${key}`);
    if (typeof message.content !== "string") complain(where, "content must be a string");
    if (message.role !== "assistant" && !message.content?.trim()) complain(where, "blank content");
    if (message.role !== "tool" && waiting.length > 0) complain(where, `calls without results: ${waiting}`);
    if (message.role === "tool" && message.tool_call_id !== waiting.shift())
      complain(where, "answers no call in order");
    if (message.role === "system" && at > 0) complain(where, "the system message must be first");
    if (message.role === "user" && !["start", "system", "assistant"].includes(before))
      complain(where, `user after ${before}`);
    if (message.role === "assistant") {
      if (!["user", "tool"].includes(before)) complain(where, `assistant after ${before}`);
      waiting = checkAssistant(message, where, ids, complain);
    }
  }
  if (waiting.length > 0) complain("messages", `ends with calls without results: ${waiting}`);
}

function checkAssistant(message: Json, where: string, ids: Set<string>, complain: Complain): string[] {
  const calls = message.tool_calls;
  if (calls === undefined && !String(message.content).trim()) complain(where, "neither text nor calls");
  if (calls === undefined) return [];
  if (!Array.isArray(calls) || calls.length === 0) {
    complain(where, "an empty list of calls");
    return [];
  }
  for (const call of calls) {
    const extra = Object.keys(call).filter((key) => !["id", "type", "function", "extra_content"].includes(key));
    if (extra.length > 0) complain(where, `call with ${extra}`);
    if (call.type !== "function") complain(where, "a call without its type");
    if (!/^[A-Za-z0-9_-]{1,40}$/.test(call.id)) complain(where, `call id ${call.id}`);
    if (ids.has(call.id)) complain(where, `call id ${call.id} used before`);
    ids.add(call.id);
    if (!isName(call.function?.name)) complain(where, `call of ${call.function?.name}`);
    if (!isObject(tryParse(call.function?.arguments))) complain(where, "arguments are not a JSON object");
    checkStrings(tryParse(call.function?.arguments), `${where}.arguments`, (at, what) => {
      if (what !== "an explicit null") complain(at, what);
    });
  }
  return calls.map((call) => call.id);
}

function isName(value: unknown): boolean {
  return typeof value === "string" && /^[A-Za-z0-9_-]{1,64}$/.test(value);
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function tryParse(text: unknown): unknown {
  try {
    return typeof text === "string" ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}
