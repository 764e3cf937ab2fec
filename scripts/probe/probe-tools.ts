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
}

/** Asks for two calls at once, and gives the results back. @param script a directive for the scripted model */
export async function probeTools(server: Probed, script: string): Promise<ToolsFound> {
  const question = {
    role: "user",
    content: `What is the weather in Paris and in Rome? Call get_weather for both at once. ${script}`,
  };
  const asked = await askRaw(server, { messages: [question], tools: [TOOL], tool_choice: "auto" });
  if (asked.status !== 200) return { refused: asked.refusal, shape: null, replayRefused: null, wantsReasoning: false };
  const shape = toolCallShape(asked.chunks);
  if (shape.calls === 0) return { refused: null, shape: null, replayRefused: null, wantsReasoning: false };

  const reasoning = reasoningOf(asked.chunks);
  const replay = (more: object) => {
    const ids = ["probe0001", "probe0002"].slice(0, shape.calls);
    const calls = ids.map((id, place) => ({
      id,
      type: "function",
      function: { name: "get_weather", arguments: JSON.stringify({ city: ["Paris", "Rome"][place] }) },
    }));
    const results = ids.map((id) => ({ role: "tool", tool_call_id: id, content: "sunny" }));
    const messages = [question, { role: "assistant", content: "", tool_calls: calls, ...more }, ...results];
    return askRaw(server, { messages, tools: [TOOL], tool_choice: "auto" });
  };
  const plain = await replay({});
  if (plain.status === 200) return { refused: null, shape, replayRefused: null, wantsReasoning: false };
  const withThoughts = reasoning === "" ? plain : await replay({ reasoning_content: reasoning });
  const wantsReasoning = withThoughts.status === 200;
  return { refused: null, shape, replayRefused: wantsReasoning ? null : plain.refusal, wantsReasoning };
}
