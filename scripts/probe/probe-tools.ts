import { reasoningOf, type ToolCallShape, toolCallShape } from "./answer-shape.ts";
import { askRaw, type Probed } from "./ask-raw.ts";

const TOOL = {
  type: "function",
  function: {
    name: "get_weather",
    description: "Tells the weather in a city.",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

export interface ToolsFound {
  /** Why tools cannot be used; null when they can. */
  refused: string | null;
  shape: ToolCallShape | null;
  /** What the server said to a conversation with the calls and their results in it; null when it took it. */
  replayRefused: string | null;
  /** It took the conversation only with the thoughts that led to the calls. */
  wantsReasoning: boolean;
  /** It took the conversation only with each call in a message of its own. */
  singleCalls: boolean;
}

const UNTRIED = { refused: null, shape: null, replayRefused: null, wantsReasoning: false, singleCalls: false };

/** Asks for two calls at once, and gives the results back. @param script a directive for the scripted model */
export async function probeTools(server: Probed, script: string): Promise<ToolsFound> {
  const question = {
    role: "user",
    content: `What is the weather in Paris and in Rome? Call get_weather for both at once. ${script}`,
  };
  const asked = await askRaw(server, { messages: [question], tools: [TOOL], tool_choice: "auto" });
  if (asked.status !== 200) return { ...UNTRIED, refused: asked.refusal };
  const shape = toolCallShape(asked.chunks);
  if (shape.calls === 0) return UNTRIED;

  const reasoning = reasoningOf(asked.chunks);
  const replay = (wantsReasoning: boolean, singleCalls: boolean) => {
    const cities = ["Paris", "Rome"].slice(0, shape.calls);
    const groups = singleCalls ? cities.map((city) => [city]) : [cities];
    const messages = groups.flatMap((group) => turnOf(group, wantsReasoning ? { reasoning_content: reasoning } : {}));
    const single = singleCalls && { parallel_tool_calls: false };
    return askRaw(server, { messages: [question, ...messages], tools: [TOOL], tool_choice: "auto", ...single });
  };
  // The form that most servers take is tried first, and told of when none is taken.
  const forms = [false, true].flatMap((single) => [false, true].map((thoughts) => [thoughts, single] as const));
  let plainly: string | null = null;
  for (const [wantsReasoning, singleCalls] of forms) {
    if ((wantsReasoning && reasoning === "") || (singleCalls && shape.calls < 2)) continue;
    const { status, refusal } = await replay(wantsReasoning, singleCalls);
    if (status === 200) return { ...UNTRIED, shape, wantsReasoning, singleCalls };
    plainly ??= refusal;
  }
  return { ...UNTRIED, shape, replayRefused: plainly };
}

/** Calls for some cities, and their results. */
function turnOf(cities: string[], more: object): object[] {
  const calls = cities.map((city) => ({
    id: city.padEnd(9, "0"),
    type: "function",
    function: { name: "get_weather", arguments: JSON.stringify({ city }) },
  }));
  const results = calls.map(({ id }) => ({ role: "tool", tool_call_id: id, content: "sunny" }));
  return [{ role: "assistant", content: "", tool_calls: calls, ...more }, ...results];
}
